"""Plots of published answers: accuracy, disagreement, unstable classes, and what samples of images show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from aiot_analysis.plots import style
from aiot_analysis.tables import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

CELL = 0.32  # inches, height of a row of the matrix
BAR = "#9fb8c8"
BORDERS = (("sdk_a", 0.6, style.GREY), ("submitter_a", 1.6, style.ON_LIGHT))  # column, line width and color
NAMES = 0.48  # share of a panel that names of submissions may take; longer names have several lines


@style.styled
def published_accuracy(
    accuracies: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the accuracy of each submission with its interval, one panel per network.

    Takes the frame of `stats.answer_sets.accuracies`. The letter of the answer set follows the name of a submission,
    and colours tell the submitters apart.
    """
    networks = list(accuracies.groupby("model", sort=False))
    tallest = max((len(rows) for _, rows in networks), default=1)
    figure, axes = style.panels(max(1, len(networks)), 2, 5.6, max(1.8, 0.25 * tallest + 0.6))
    submitters = style.looks(accuracies["submitter"].unique())
    for panel, (model, rows) in zip(axes, networks, strict=False):
        panel.set_title(names.display(str(model)))
        y = np.arange(len(rows))
        value, low, high = (100 * rows[f"accuracy{end}"].to_numpy(float) for end in ("", "_low", "_high"))
        for submitter, look in submitters.items():
            of = (rows["submitter"] == submitter).to_numpy()
            errors = [(value - low)[of], (high - value)[of]]
            panel.errorbar(value[of], y[of], xerr=errors, fmt=look.marker, color=look.color, elinewidth=0.8)
        panel.set_yticks(y, _labels(panel, rows["submission"], rows["answer_set"]), fontsize=style.SMALL)
        panel.invert_yaxis()
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        panel.set_xlabel("accuracy (%)")
    if not networks:
        style.empty(axes[0], "no data: nothing was published with its answers")
    handles: dict[str, Any] = {str(submitter): style.legend_mark(look) for submitter, look in submitters.items()}
    style.legend(figure, handles)
    ranges = [
        f"{names.display(str(model))} {style.span(100 * rows['accuracy'], '{:.2f}')}% in {len(rows)} submissions"
        for model, rows in networks
    ]
    return style.finish(figure, origin, f"Accuracy with 95% intervals: {'; '.join(ranges) or 'no data'}.")


def _labels(panel: Axes, submissions: pd.Series, sets: pd.Series) -> list[str]:
    """Return the names of submissions with their answer sets, in lines that leave room for the data."""
    room = style.letters_per_line(NAMES * style.panel_width(panel))
    return [style.wrap_text(f"{name} [{letter}]", room) for name, letter in zip(submissions, sets, strict=True)]


@style.styled
def disagreement(
    differences: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw how many images get different classes from each two submissions, as a matrix for each network.

    Takes the frame of `stats.answer_sets.disagreements`. Lines separate submitters, and thin lines SDKs.
    """
    networks = list(differences.groupby("model", sort=False))
    tallest = max((rows["submission_a"].nunique() for _, rows in networks), default=1)
    figure, axes = style.panels(max(1, len(networks)), 1, 8.0, max(1.8, CELL * tallest + 0.4))
    for panel, (model, rows) in zip(axes, networks, strict=False):
        _matrix(panel, rows)
        panel.set_title(f"{names.display(str(model))}: images of {rows['n_images'].iloc[0]:,} with different classes")
    if not networks:
        style.empty(axes[0], "no data: nothing was published with its answers")
    if any(len(_changes(rows.drop_duplicates("submission_a")["sdk_a"])) for _, rows in networks):
        handles = {
            f"another {what}": Line2D([], [], color=color, linewidth=width)
            for what, (_, width, color) in zip(("SDK", "submitter"), BORDERS, strict=True)
        }
        style.legend(figure, handles)
    words = []
    for model, rows in networks:
        apart = rows[rows["differ"] > 0]["differ"]
        ends = style.span(apart, "{:,}") if len(apart) else "none"
        words.append(f"{names.display(str(model))}: {ends} of {rows['n_images'].iloc[0]:,}")
    return style.finish(
        figure, origin, f"Images to which two submissions gave different classes. {'; '.join(words) or 'No data'}."
    )


def _matrix(panel: Axes, rows: pd.DataFrame) -> None:
    submissions = rows.drop_duplicates("submission_a")
    count = len(submissions)
    table = rows["differ"].to_numpy().reshape(count, count)
    panel.imshow(table, cmap="Blues", vmin=0, vmax=1.7 * max(1, table.max()), aspect="auto")
    room = (1 - NAMES) * style.panel_width(panel) / count  # inches
    written = 1.2 * style.LETTER * style.SMALL * len(str(table.max())) < room
    for (row, column), value in np.ndenumerate(table):
        if row != column and written:
            color = style.GREY if value == 0 else style.ON_LIGHT
            panel.text(column, row, str(value), ha="center", va="center", fontsize=style.SMALL, color=color)
    panel.set_yticks(range(count), _labels(panel, submissions["submission_a"], submissions["set_a"]))
    panel.tick_params(axis="y", labelsize=style.SMALL)
    panel.set_xticks(range(count), submissions["set_a"], fontsize=style.SMALL)
    panel.tick_params(length=0)
    panel.grid(False)
    for column, width, color in BORDERS:
        for place in _changes(submissions[column]):
            panel.axhline(place - 0.5, color=color, linewidth=width)
            panel.axvline(place - 0.5, color=color, linewidth=width)
    panel.set_xlabel("answer set, in the order of the rows")
    if not written:
        style.note(panel, f"the darker, the more images: white 0, darkest {table.max():,}")


def _changes(values: pd.Series) -> Sequence[int]:
    """Return the places at which a value differs from the one before it."""
    return [int(place) for place in np.flatnonzero(values.to_numpy()[1:] != values.to_numpy()[:-1]) + 1]


@style.styled
def unstable_classes(
    least_stable: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw in how many images of a class the answer sets differ, for the rows of `stats.answer_sets.classes` given."""
    networks = list(least_stable.groupby("model", sort=False))
    tallest = max((len(rows) for _, rows in networks), default=1)
    figure, axes = style.panels(max(1, len(networks)), 2, 4.2, max(1.8, 0.2 * tallest + 0.6))
    for panel, (model, rows) in zip(axes, networks, strict=False):
        y = np.arange(len(rows))
        share, low, high = (100 * rows[f"instability{end}"].to_numpy(float) for end in ("", "_low", "_high"))
        errors = [share - low, high - share]
        panel.barh(y, share, xerr=errors, height=0.65, color=BAR, error_kw={"elinewidth": 0.7, "ecolor": style.INK})
        panel.set_yticks(y, rows["class_name"], fontsize=style.SMALL)
        panel.invert_yaxis()
        panel.set_xlim(0, 100)
        panel.set_xlabel("images of the class with different answers (%)")
        panel.set_title(names.display(str(model)))
    if not networks:
        style.empty(axes[0], "no data: nothing was published with its answers")
    words = [
        f"{names.display(str(model))}: {rows['class_name'].iloc[0]} {rows['unstable'].iloc[0]} of "
        f"{rows['n_images'].iloc[0]} images"
        for model, rows in networks
    ]
    return style.finish(figure, origin, f"Least stable classes. {'; '.join(words) or 'No data'}.")


@style.styled
def sample_spread(
    counts: pd.DataFrame,
    spreads: pd.DataFrame,
    origin: str,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw how large the spread of accuracy seems in samples of images, beside the true one.

    Takes the frames of `stats.answer_sets.spread_counts` and `stats.answer_sets.spreads`.
    """
    facts = spreads.to_dict("records")
    figure, axes = style.panels(max(1, len(facts)), 2, 3.8, 2.5)
    for panel, row in zip(axes, facts, strict=False):
        part = counts[counts["model"] == row["model"]]
        step = 100 / row["size"]
        panel.axvspan(row["spread_low"] - step / 2, row["spread_high"] + step / 2, color=style.GRID, zorder=0)
        panel.bar(part["spread"], 100 * part["share"], width=0.85 * step, color=BAR)
        panel.axvline(row["spread"], color=style.INK, linestyle="--")
        panel.axvline(row["true_spread"], color=style.color(style.NOTABLE), linewidth=1.6)
        panel.set_title(f"{names.display(str(row['model']))}, {row['sets']} answer sets")
        panel.set_xlabel("highest minus lowest accuracy (points)")
        panel.set_ylabel("samples (%)")
        panel.set_xlim(left=0)
    if not facts:
        style.empty(axes[0], "no data: nothing was published with its answers")
    handles: dict[str, Any] = {
        "all images": Line2D([], [], color=style.color(style.NOTABLE), linewidth=1.6),
        "samples": Patch(color=BAR),
        "their median": Line2D([], [], color=style.INK, linestyle="--"),
        "95% of them": Patch(color=style.GRID),
    }
    style.legend(figure, handles if facts else {})
    words = [
        f"{names.display(str(row['model']))}: {row['true_spread']:.2f} points on all images, {row['spread']:.1f} in "
        f"the median sample, {row['spread_low']:.1f} to {row['spread_high']:.1f} in 95% of the samples"
        for row in facts
    ]
    return style.finish(figure, origin, f"Spread of accuracy between answer sets. {'; '.join(words) or 'No data'}.")


@style.styled
def pair_change(
    counts: pd.DataFrame,
    pair: pd.DataFrame,
    origin: str,
    labels: Sequence[str] = (),
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the difference in accuracy that samples show between two answer sets, beside the true one.

    Takes the frame of `stats.answer_sets.change_counts`, the pair's row of `stats.answer_sets.seen_in_samples`, and the
    names of both submissions.
    """
    figure, axes = style.panels(1, 1, 5.4, 2.6)
    [panel] = axes
    if pair.empty:
        style.empty(panel, "no data: both gave the same answers")
        return style.finish(figure, origin, "No data: both gave the same answers.")
    row = pair.iloc[0]
    step = float(np.diff(counts["change"]).min()) if len(counts) > 1 else 0.2
    alike, significant = 100 * (counts["share"] - counts["significant"]), 100 * counts["significant"]
    panel.bar(counts["change"], alike, width=0.85 * step, color=BAR)
    panel.bar(counts["change"], significant, bottom=alike, width=0.85 * step, color=style.color(style.SECOND))
    panel.axvline(0, color=style.GREY, linewidth=0.6)
    panel.axvline(100 * row["change"], color=style.color(style.NOTABLE), linewidth=1.6)
    a, b = labels or (f"set {row['set_a']}", f"set {row['set_b']}")
    words = f"accuracy of {b} minus that of {a} (points)"
    panel.set_xlabel(style.wrap_text(words, style.letters_per_line(0.8 * style.panel_width(panel))))
    panel.set_ylabel("samples (%)")
    handles: dict[str, Any] = {
        "all images": Line2D([], [], color=style.color(style.NOTABLE), linewidth=1.6),
        "samples": Patch(color=BAR),
        "significant": Patch(color=style.color(style.SECOND)),
    }
    style.legend(figure, handles)
    return style.finish(
        figure,
        origin,
        f"Difference in accuracy of {b} and {a}: {100 * row['change']:+.2f} points on all images, "
        f"{row['change_sample_low']:+.1f} to {row['change_sample_high']:+.1f} in 95% of the samples, significant in "
        f"{row['significant']:.1%} of them.",
    )
