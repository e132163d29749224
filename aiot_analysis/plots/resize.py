"""Plot of the three resizing methods (Section IV-B): accuracy and time."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names

RESIZE_PANELS = {
    "accuracy": "accuracy",
    "preprocess_ms": "preprocess (ms)",
    "decode_preprocess_ms": "decode and preprocess (ms)",
}
NO_RESIZING = (
    "no data: the ways of resizing were not compared; run "
    "`aiot run --local --resize crop_resize,resize_crop,square_crop`"
)


@style.styled
def resizing(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw accuracy, preprocessing time, and decoding plus preprocessing time of each resizing method.

    Points have 95 % intervals. Takes the frame of `stats.resize.summary`; each instance is a line, in the frame's
    order.
    """
    title = "Accuracy and time of the three ways of resizing"
    if frame.empty:
        figure, axes = style.panels(1, 1, 6.5, 1.5)
        style.empty(axes[0], NO_RESIZING)
        return style.finish(figure, origin, f"{title}: no data.")
    lines = list(frame[["device_id", "instance_id"]].drop_duplicates().itertuples(index=False, name=None))
    figure, axes = style.panels(len(RESIZE_PANELS), len(RESIZE_PANELS), 2.6, 0.36 * len(lines) + 0.7)
    handles: dict[str, object] = {}
    looks = style.looks(names.RESIZE_NAMES)
    for panel, (column, label) in zip(axes, RESIZE_PANELS.items(), strict=True):
        for number, (way, look) in enumerate(looks.items()):
            rows = frame[frame["resize"] == way].dropna(subset=[column])
            if rows.empty:
                continue
            heights = [
                lines.index(line_key)
                for line_key in rows[["device_id", "instance_id"]].itertuples(index=False, name=None)
            ]
            handles[names.display(way)] = panel.errorbar(
                rows[column],
                [height + (number - 1) * 0.22 for height in heights],
                xerr=[rows[column] - rows[f"{column}_low"], rows[f"{column}_high"] - rows[column]],
                fmt=look.marker,
                color=look.color,
                linestyle="none",
            )
        panel.set(xlabel=label, yticks=range(len(lines)), yticklabels=[], ylim=(len(lines) - 0.5, -0.5))
        panel.grid(axis="y", visible=False)
    axes[0].set_yticklabels(_line_names(lines, devices), fontsize=style.SMALL)
    style.legend(figure, handles)
    ranges = [f"{names.display(str(way))}: {_resize_ranges(part)}" for way, part in frame.groupby("resize", sort=False)]
    return style.finish(figure, origin, f"{title}, {len(lines)} instances, with 95 % intervals. {'; '.join(ranges)}.")


def _line_names(lines: list[tuple[str, str]], devices: pd.DataFrame | None) -> list[str]:
    """Return the display name of each instance, with its device if there are several."""
    several = len({device for device, _ in lines}) > 1
    return [
        names.instance_display(instance) + (f"\n{device_axis.names([device], devices)[0]}" if several else "")
        for device, instance in lines
    ]


def _resize_ranges(part: pd.DataFrame) -> str:
    accuracy, time = style.span(part["accuracy"], "{:.3f}"), style.span(part["decode_preprocess_ms"], "{:.2f}")
    return f"accuracy {accuracy}, decode and preprocess {time} ms"
