"""Figures of a selection. Each is a single call of a function in `plots` on the result of one in `stats`."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from html import escape

import pandas as pd
from matplotlib.figure import Figure

from aiot_analysis.display import show
from aiot_analysis.errors import AnalysisError
from aiot_analysis.explore.selection import ExplorerData, Selection
from aiot_analysis.plots import device_axis, instance_axis, latency, scatter, style, vips
from aiot_analysis.stats import accuracy as of_accuracy
from aiot_analysis.stats import latency as of_times
from aiot_analysis.stats import variance
from aiot_analysis.stats import vips as of_scores
from aiot_analysis.tables import by_device, names, select

DPI = 110  # fast to draw and sharp enough for a screen
DRAWS = 500  # number of bootstrap resamples; few, because scores are recomputed after every change
TIMES = ["run_id", "device_id", "instance_id", "query", "end_to_end_ms", "inference_ms", "failed"]
PHASES = [*select.KEY, *names.PHASE_NAMES]


@dataclass(frozen=True)
class View:
    """Data of a figure: the selected rows, and a timing that all of them have."""

    known: ExplorerData
    selection: Selection
    rows: pd.DataFrame
    timing: str
    kept: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict, repr=False)  # by statistic and device

    @property
    def devices(self) -> pd.DataFrame:
        return self.known.data.devices

    @property
    def few(self) -> bool:
        """Whether there are few enough devices to read the image records of each."""
        return self.rows["device_id"].nunique() <= device_axis.FEW

    @property
    def value(self) -> str:
        """Column with the mean time per image, in ms."""
        return select.time_column(self.timing) + "_mean"

    @property
    def origin(self) -> str:
        """Line on every figure that states the origin of the data."""
        return style.origin_line(self.rows.assign(timing=self.timing))

    def by_device(
        self, name: str, columns: list[str], function: Callable[[pd.DataFrame], pd.DataFrame]
    ) -> pd.DataFrame:
        """Return a statistic of image records for the selected devices and instances.

        `function` computes it from the records with these columns. The result for all instances of a device is cached
        under `name`, so that records are read only once.
        """
        usable_rows = self.known.rows
        for device in self.rows["device_id"].unique():
            if (name, device) not in self.kept:
                records = self.known.data.image_parts(columns, device_id=[device])
                device_rows = usable_rows[usable_rows["device_id"] == device]
                self.kept[name, device] = by_device.table(records, device_rows, function)
        result = pd.concat([self.kept[name, device] for device in self.rows["device_id"].unique()], ignore_index=True)
        keys = pd.MultiIndex.from_frame(self.rows[select.KEY])
        return result[pd.MultiIndex.from_frame(result[select.KEY].astype(str)).isin(keys)].reset_index(drop=True)


def view(known: ExplorerData, selection: Selection, kept: dict[tuple[str, str], pd.DataFrame]) -> View:
    """Return the view of a selection. If native tools measured any rows, all times are of inference alone."""
    rows = selection.of(known.rows)
    return View(known, selection, rows, select.timing_of(rows, selection.timing), kept)


def accuracy_over_time(view: View) -> Figure:
    """Draw accuracy over the mean time per image."""
    rows = of_accuracy.with_interval(view.rows)
    return scatter.accuracy_over_time(rows, view.origin, view.value, view.selection.by, view.devices)


def times(view: View) -> Figure:
    """Draw the distribution of the time per image."""
    medians = view.rows[view.value.replace("mean", "median")]
    drawn_times = view.rows[select.KEY].assign(median_ms=medians).dropna(subset=["median_ms"])
    if drawn_times["device_id"].nunique() <= device_axis.FEW:  # with more, only medians are drawn, without records
        summary = partial(of_times.summary, timing=view.timing)
        drawn_times = view.by_device(f"summary of {view.timing}", TIMES, summary)
    return latency.distribution(drawn_times, view.origin, view.devices, names.display(view.timing) + " time")


def phases(view: View) -> Figure:
    """Draw the mean time of each phase per image."""
    return latency.phases(view.by_device("phases", PHASES, of_times.phases), view.origin, view.devices)


def score(view: View) -> Figure:
    """Draw the ranking of devices by valid images per second, with intervals for few devices."""
    suite = instance_axis.order_instances(view.rows["instance_id"])
    if view.few:
        records = view.known.data.image_parts(device_id=set(view.rows["device_id"]), instance_id=suite)
        scores = of_scores.intervals(view.rows, records, view.timing, suite, resamples=DRAWS)
    else:
        scores = of_scores.scores(view.rows, view.timing, suite)
    interval = variance.describe_noise(view.rows, whole=True)
    return vips.ranking(scores, view.origin, view.devices, "sum over the chosen instances", interval)


@dataclass(frozen=True)
class Panel:
    """A figure to choose, and its caption."""

    draw: Callable[[View], Figure]
    caption: Callable[[View], str]


def _of_score(view: View) -> str:
    """Return the caption of `score`."""
    note = (
        f"The 95 % intervals are from {DRAWS} resamples."
        if view.few
        else f"Intervals are shown for up to {device_axis.FEW} devices."
    )
    return (
        "Accuracy over time, summed up over the instances that are chosen, where a device has them: VIPS is the sum "
        f"over the paper's 24 float32 instances. {note}"
    )


PANELS = {
    "accuracy over time": Panel(
        accuracy_over_time, lambda view: "Accuracy over mean time per image, with Wilson's 95 % intervals where few."
    ),
    "time per image": Panel(times, lambda view: f"Time per image, {names.display(view.timing)}. Without trimming."),
    "valid images per second": Panel(score, _of_score),
    "phases": Panel(phases, lambda view: "Mean time of each phase per image."),
}


def draw(panel: Panel, view: View) -> tuple[Figure | None, str]:
    """Return the figure with its HTML, or None with a sentence that gives the reason.

    There is no figure, for example, if the selected data must not be pooled.
    """
    try:
        figure = panel.draw(view)
    except AnalysisError as error:
        return None, f"<p>{escape(str(error))}</p>"
    return figure, figure_html(figure, panel.caption(view))


def figure_html(figure: Figure, caption: str) -> str:
    """Return a figure as a picture on white, with its label as alternative text, and its caption."""
    picture = io.BytesIO()
    show.draw(figure, DPI).save(picture, format="PNG", compress_level=1)
    data = base64.b64encode(picture.getvalue()).decode()
    width = round(figure.get_size_inches()[0] * 96)
    return (
        f'<figure style="margin: 0 1em 1em 0"><img src="data:image/png;base64,{data}" width="{width}" '
        f'style="max-width: 100%; height: auto" alt="{escape(str(figure.get_label()), quote=True)}">'
        f"<figcaption><em>{escape(caption)}</em></figcaption></figure>"
    )
