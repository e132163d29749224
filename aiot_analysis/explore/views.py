"""Selections of the data, and the figures, images and sentences that show them, without widgets."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.charts import complexity as complexity_chart
from aiot_analysis.charts import latency as latency_chart
from aiot_analysis.charts import vips as vips_chart
from aiot_analysis.display import show
from aiot_analysis.errors import AnalysisError
from aiot_analysis.plots import accuracy, device_axis, latency, style, vips
from aiot_analysis.stats import accuracy as of_accuracy
from aiot_analysis.stats import agreement, pairing, variance
from aiot_analysis.stats import latency as of_times
from aiot_analysis.stats import vips as of_scores
from aiot_analysis.stats.pairing import NONE, Answers
from aiot_analysis.tables import by_device, names, select
from aiot_analysis.words import listed, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from aiot_analysis.charts.chart import Chart
    from aiot_analysis.display.pictures import Pictures
    from aiot_analysis.tables.data import Data

COLUMNS = {  # fields of a selection, with their columns in the table `instances`
    "devices": "device_id",
    "models": "model",
    "frameworks": "framework",
    "delegates": "delegate",
    "quantizations": "quantization",
}
ORDERS = {
    "models": names.MODELS,
    "frameworks": names.FRAMEWORKS,
    "delegates": names.DELEGATES,
    "quantizations": names.QUANTIZATIONS,
}


BETWEEN = {"device_id": "devices", "quantization": "quantizations", "framework": "frameworks"}
BY = {"implementation": "framework", "model": "model", "quantization": "quantization", "device_id": "device"}


@dataclass(frozen=True)
class Selection:
    """Selected values of each of COLUMNS, and the settings of the figures."""

    devices: tuple[str, ...]
    models: tuple[str, ...]
    frameworks: tuple[str, ...]
    delegates: tuple[str, ...]
    quantizations: tuple[str, ...]
    timing: str = "end_to_end"
    by: str = "implementation"  # what colours distinguish, a key of BY
    between: str = "device_id"  # what images flip between, a key of BETWEEN

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the selected rows of `instances` or of any other frame with the columns of COLUMNS."""
        chosen = [rows[column].isin(getattr(self, name)) for name, column in COLUMNS.items()]
        return rows[pd.concat(chosen, axis=1).all(axis=1)].reset_index(drop=True)

    def empty(self) -> list[str]:
        """Return the fields without any selected value, such as ["models"]."""
        return [name for name in COLUMNS if not getattr(self, name)]


@dataclass(frozen=True)
class ExplorerData:
    """The data to select from: rows that statistics use, excluded rows, and a selection of every value."""

    data: Data = field(repr=False)
    rows: pd.DataFrame = field(repr=False)  # see `select.measured_rows`
    left_out: pd.DataFrame = field(repr=False)
    everything: Selection

    def labels(self, name: str) -> dict[str, str]:
        """Return the display name of each value of one of COLUMNS."""
        if name == "devices":
            return names.devices(self.data.devices)
        display_name = names.framework if name == "frameworks" else names.display
        return {value: display_name(value) for value in getattr(self.everything, name)}


def known(data: Data) -> ExplorerData:
    """Return everything that can be selected, in the paper's order, including values without usable rows."""
    rows, left_out = select.measured_rows(data.instances, by_framework=True)

    def of(name: str) -> tuple[str, ...]:
        values = set(data.instances[COLUMNS[name]])
        if name == "devices":
            return tuple(device_axis.order(values, data.devices))
        return tuple(names.in_order(values, ORDERS[name]))

    timing = "end_to_end" if (rows["timing"] == "end_to_end").any() or rows.empty else "inference"
    lists = of("devices"), of("models"), of("frameworks"), of("delegates"), of("quantizations")
    everything = Selection(*lists, timing=timing)
    return ExplorerData(data, rows, left_out, everything)


def rows_sentence(selection: Selection, data: ExplorerData) -> str:
    """Return a sentence on what is selected, or on why no row is, as plain text."""
    empty_lists = selection.empty()
    if empty_lists:
        return f"Nothing is chosen of {listed(empty_lists)}: choose one or more."
    rows, requested = selection.of(data.rows), selection.of(data.data.instances)
    if requested.empty:
        return "No device was set to run what you chose: choose more."
    if rows.empty:
        reasons = selection.of(data.left_out)["reasons"].value_counts()
        other_reasons = f", and {len(reasons) - 1} other reasons" if len(reasons) > 1 else ""
        return f"Nothing you chose has numbers: {reasons.index[0]}{other_reasons}. Choose more."
    n_devices, n_missing = (
        rows["device_id"].nunique(),
        len(requested[["device_id", "instance_id"]].drop_duplicates()) - len(rows),
    )
    text = f"{plural(len(rows), 'instance')} with numbers on {plural(n_devices, 'device')}"
    return f"{text}; {n_missing} of your choices have none." if n_missing else f"{text}."


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
        """Devices with selected rows in the order of axes, by SoC vendor, see `device_axis.arrange_devices`."""
        devices = self.known.data.devices
        drawn = devices[devices["device_id"].isin(self.rows["device_id"])]
        return device_axis.arrange_devices(drawn, self.rows.groupby("device_id")[self.value].mean())

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


def view(data: ExplorerData, selection: Selection, kept: dict[tuple[str, str], pd.DataFrame]) -> View:
    """Return the view of a selection. If native tools measured any rows, all times are of inference alone."""
    rows = selection.of(data.rows)
    return View(data, selection, rows, select.timing_of(rows, selection.timing), kept)


def accuracy_over_time(view: View) -> tuple[Figure, Chart]:
    """Draw accuracy over the mean time per image."""
    rows, by = of_accuracy.with_interval(view.rows), view.selection.by
    figure = accuracy.accuracy_over_time(rows, view.origin, view.value, by, view.devices)
    return figure, complexity_chart.accuracy_over_time(rows, view.timing, by, view.devices)


def times(view: View) -> tuple[Figure, Chart]:
    """Draw the distribution of the time per image."""
    medians = view.rows[view.value.replace("mean", "median")]
    drawn_times = view.rows[select.KEY].assign(median_ms=medians).dropna(subset=["median_ms"])
    if drawn_times["device_id"].nunique() <= device_axis.FEW:  # with more, only medians are drawn, without records
        summary = partial(of_times.summary, timing=view.timing)
        drawn_times = view.by_device(f"summary of {view.timing}", TIMES, summary)
    what = names.display(view.timing) + " time"
    figure = latency.distribution(drawn_times, view.origin, view.devices, what)
    return figure, latency_chart.distribution(drawn_times, view.devices, what)


def phases(view: View) -> tuple[Figure, Chart]:
    """Draw the mean time of each phase per image."""
    means = view.by_device("phases", PHASES, of_times.phases)
    return latency.phases(means, view.origin, view.devices), latency_chart.phases(means, view.devices)


def score(view: View) -> tuple[Figure, Chart]:
    """Draw the ranking of devices by valid images per second, with intervals for few devices."""
    suite = latency.order_instances(view.rows["instance_id"])
    if view.few:
        records = view.known.data.image_parts(device_id=set(view.rows["device_id"]), instance_id=suite)
        scores = of_scores.intervals(view.rows, records, view.timing, suite, resamples=DRAWS)
    else:
        scores = of_scores.scores(view.rows, view.timing, suite)
    interval = variance.describe_noise(view.rows, whole=True)
    figure = vips.ranking(scores, view.origin, view.devices, "sum over the chosen instances", interval)
    return figure, vips_chart.ranking(scores, "sum over the chosen instances")


@dataclass(frozen=True)
class Panel:
    """A figure to choose, and its caption."""

    draw: Callable[[View], tuple[Figure, Chart]]
    caption: Callable[[View], str]


def _score_caption(view: View) -> str:
    """Return the caption of `score`."""
    note = (
        f"The 95% intervals are from {DRAWS} resamples."
        if view.few
        else f"Intervals are shown for up to {device_axis.FEW} devices."
    )
    return (
        "Accuracy over time, summed up over the instances that are chosen, where a device has them: VIPS is the sum "
        f"over the paper's 24 float32 instances. {note}"
    )


PANELS = {
    "accuracy over time": Panel(
        accuracy_over_time, lambda view: "Accuracy over mean time per image, with Wilson's 95% intervals where few."
    ),
    "time per image": Panel(times, lambda view: f"Time per image, {names.display(view.timing)}. Without trimming."),
    "valid images per second": Panel(score, _score_caption),
    "phases": Panel(phases, lambda view: "Mean time of each phase per image."),
}


@dataclass(frozen=True)
class Drawn:
    """A figure, and what displays it."""

    figure: Figure | None
    outputs: tuple[dict[str, Any], ...]  # of a notebook
    text: str  # HTML that follows: the caption, or the reason why there is no figure


def draw(panel: Panel, view: View) -> Drawn:
    """Draw a figure. There is none, for example, if the selected data must not be pooled."""
    try:
        figure, chart = panel.draw(view)
    except AnalysisError as error:
        return Drawn(None, (), f"<p>{escape(str(error))}</p>")
    return Drawn(figure, (figure_output(figure, chart),), f"<em>{escape(panel.caption(view))}</em>")


def figure_output(figure: Figure, chart: Chart) -> dict[str, Any]:
    """Return the output that displays a figure: interactive in JupyterLab, or else as a picture on white."""
    picture = io.BytesIO()
    show.draw(figure, DPI).save(picture, format="PNG", compress_level=1)
    label, width = str(figure.get_label()), round(figure.get_size_inches()[0] * 96)
    data, metadata = show.interactive(show.interactive_drawing(figure, chart))
    data |= {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": label}
    metadata |= {"image/png": {"alt": label, "width": width}}
    return {"output_type": "display_data", "data": data, "metadata": metadata}


FEW = 8  # up to this many devices are named
MOST = 12  # maximum number of instances in the table of an image
PIXELS = 224  # largest side of a picture


@dataclass(frozen=True)
class Flips:
    """Answers to the images of a selection, and the images that flip."""

    between: str  # see `Selection.between`
    answers: list[Answers]  # of the instances that can be compared
    images: pd.DataFrame  # images that flip, see `stats.agreement.by_image`
    shown: int  # number of images that were compared
    apart: pd.DataFrame  # what is not compared, see `stats.pairing.collect`


def find(data: ExplorerData, selection: Selection) -> Flips:
    """Find the images of the selected instances that flip. Only the image records of these instances are read."""
    rows = selection.of(data.rows)
    wanted = {column: set(rows[column]) for column in ("device_id", "run_id", "instance_id")}
    records = data.data.images(pairing.COLUMNS, **wanted)
    collected, apart = pairing.collect(rows, records, selection.between)
    compared = [instance_answers for instance_answers in collected if len(instance_answers.devices) > 1]
    every_image = agreement.image_classes(compared)
    return Flips(selection.between, compared, agreement.by_image(every_image), every_image["image"].nunique(), apart)


def flips_sentence(flips: Flips) -> str:
    """Return how many images flip, or why none can, as plain text."""
    between = BETWEEN[flips.between]
    if not flips.answers:
        why = f" Not compared: {flips.apart['reason'].iloc[0]}." if len(flips.apart) else ""
        item = {"device_id": "an instance on", "quantization": "a model in", "framework": "a model in"}[flips.between]
        return f"Nothing can flip between {between}: choose {item} two {between} or more.{why}"
    if flips.images.empty:
        return f"No image flips: all {between} gave each of the {flips.shown} images the same class."
    excluded = (
        f" {len(flips.apart)} are not compared, because they were measured under other conditions."
        if len(flips.apart)
        else ""
    )
    return f"{len(flips.images)} of {flips.shown} images flip between {between}.{excluded}"


def options(flips: Flips, pictures: Pictures) -> list[tuple[str, str]]:
    """Return a label and the name of each image that flips, those that flip most often first."""
    columns = flips.images[["image", "label", "unstable", "instances"]].itertuples(index=False)
    return [
        (f"{pictures.name(int(label))}, {image}: {unstable} of {instances}", str(image))
        for image, label, unstable, instances in columns
    ]


def table(flips: Flips, image: str, pictures: Pictures, devices: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per instance and class that the image was given, for the MOST instances that agree least.

    The columns are of (what was the same), answer (the class), right (a sign), and given by (text; `devices` maps
    device ids to names).
    """
    label = int(flips.images.loc[flips.images["image"] == image, "label"].iloc[0])
    rows = [
        {
            "of": answer_label(answer.instance_id, devices),
            "answer": "none (failed)" if answer.answer == NONE else pictures.name(answer.answer),
            "right": "✓" if answer.answer == label else "✗",
            "given by": _answer_sources(answer.devices, flips.between, devices),
        }
        for answer in agreement.answers_to_image(flips.answers, image, MOST)
    ]
    return pd.DataFrame(rows, columns=["of", "answer", "right", "given by"])


def image_html(flips: Flips, image: str, pictures: Pictures, devices: Mapping[str, str]) -> str:
    """Return the picture (or the reason why it is missing), its true class and the table of answers."""
    label = int(flips.images.loc[flips.images["image"] == image, "label"].iloc[0])
    class_name = pictures.name(label)
    jpeg = pictures.thumbnail(image, PIXELS)
    if jpeg:
        data = base64.b64encode(jpeg).decode()
        alt = escape(f"Picture {image} of the class {class_name}", quote=True)
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{alt}" style="flex: none; align-self: flex-start">'
    else:
        why = pictures.why or f"the file {image} is missing or cannot be read"
        picture = f'<p style="flex: none; width: {PIXELS}px"><em>No picture: {escape(why)}.</em></p>'
    answer_table = show.to_html(table(flips, image, pictures, devices))
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 1em">{picture}<div><b>{escape(class_name)}</b> '
        f"({escape(image)}){answer_table}</div></div>"
    )


def answer_label(instance: str, devices: Mapping[str, str]) -> str:
    """Return the id of an instance, or of `stats.pairing.Answers`, as text: "MnasNet, TFLite CPU on Honor V20"."""
    instance, _, device = instance.partition("@")
    parts = names.instance(instance)
    implementation = names.display(parts.delegate if parts.framework == "*" else parts.implementation)
    words = [names.display(parts.model), implementation, names.display(parts.quantization)]
    text = ", ".join(word for word in words if word != "*")
    return f"{text} on {devices.get(device, device)}" if device else text


def _answer_sources(sources: tuple[str, ...], between: str, devices: Mapping[str, str]) -> str:
    """Return the devices, quantizations or frameworks that gave an answer, as text."""
    if between == "device_id" and len(sources) > FEW:
        return f"{len(sources)} devices"
    label_functions = {
        "device_id": lambda name: devices.get(name, name),
        "quantization": names.display,
        "framework": names.framework,
    }
    return ", ".join(label_functions[between](name) for name in sources)
