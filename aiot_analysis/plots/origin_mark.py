"""The word below the data of a panel that says that they are simulated or published."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from aiot_analysis.plots.contrast import rgb

if TYPE_CHECKING:
    from matplotlib.backend_bases import RendererBase
    from numpy.typing import NDArray

MARK_SIZE, MARK_SHARE = 22.0, 0.28  # points, and how much of its colour the mark has: a light tint
POINT_PIXELS = 2  # half of the width of a point, which need not be exact to find where few of them are
MOST_STEPS = 1000  # along a line
COVERED = 0.5  # share of a panel's area under bars above which the mark would be hidden


class OriginMark(Text):
    """A word below all data of a panel, as large as fits and where it is hidden least and crosses no other text."""

    PLACES = (
        *product((0.5, 0.72, 0.28), (0.5, 0.75, 0.25, 0.92, 0.08)),
        *product((0.9, 0.1, 0.6, 0.4), (0.5, 0.62, 0.38, 0.75, 0.25, 0.85, 0.15, 0.98, 0.02)),
    )
    SHRINK = (1.0, 0.75, 0.55)

    def __init__(self, axes: Axes, word: str, color: str, smallest: float) -> None:
        # a tint, not an opacity: pages turn it for their dark ground
        red, green, blue = (1 - MARK_SHARE * (1 - part) for part in rgb(color))
        super().__init__(0.5, 0.5, word, color=(red, green, blue), ha="center", va="center", zorder=-5)
        self.largest, self.smallest = MARK_SIZE, smallest
        self.set_in_layout(False)
        self.set_transform(axes.transAxes)

    def draw(self, renderer: RendererBase) -> None:
        """Choose the size and the place, which depend on the layout, and draw the word."""
        if isinstance(self.axes, Axes) and self.get_visible():
            self._place(self.axes, renderer)
        super().draw(renderer)

    def _place(self, axes: Axes, renderer: RendererBase) -> None:
        room, hidden = axes.bbox, _hidden_boxes(axes, renderer, self)
        self.set_fontsize(10.0)
        box = super().get_window_extent(renderer)
        fitting = 10.0 * min(0.6 * room.width / box.width, 0.4 * room.height / box.height)
        choices = []
        for preference, (shrink, (wanted_x, wanted_y)) in enumerate(product(self.SHRINK, self.PLACES)):
            points = min(max(shrink * min(self.largest, fitting), self.smallest), max(fitting, 4.0))
            width, height = box.width * points / 10, box.height * points / 10
            x, y = (
                min(max(wanted, 0.52 * extent), 1 - 0.52 * extent)
                for wanted, extent in ((wanted_x, width / room.width), (wanted_y, height / room.height))
            )
            left, bottom = room.x0 + x * room.width - width / 2, room.y0 + y * room.height - height / 2
            across = np.minimum(hidden[:, 2], left + width) - np.maximum(hidden[:, 0], left)
            along = np.minimum(hidden[:, 3], bottom + height) - np.maximum(hidden[:, 1], bottom)
            overlap = float((across.clip(0) * along.clip(0)).sum()) / (width * height)
            choices.append((round(overlap, 2), preference, points, x, y))
        _, _, points, x, y = min(choices)
        self.set(fontsize=points, x=x, y=y)


def _hidden_boxes(axes: Axes, renderer: RendererBase, mark: Text) -> NDArray[np.float64]:
    """Return the boxes of texts, bars, points and lines of a panel, one per row: left, bottom, right, top in pixels."""
    texts = [text for text in axes.texts if text is not mark and text.get_visible() and text.get_text().strip()]
    legend = axes.get_legend()
    artists = [*texts, *([legend] if legend else [])]
    boxes = [artist.get_window_extent(renderer).extents for artist in artists]
    boxes += [bar.get_window_extent().extents for bar in axes.patches if isinstance(bar, Rectangle)]
    offsets = [
        points.get_offset_transform().transform(np.ma.filled(points.get_offsets(), np.nan))
        for points in axes.collections
        if isinstance(points, PathCollection)
    ]
    offsets += [
        line.get_transform().transform(line.get_xydata())
        for line in axes.lines
        if line.get_marker() not in ("None", "none", "", None)
    ]
    points = np.concatenate([np.empty((0, 2)), *offsets, *_points_on_lines(axes)])
    points = points[np.isfinite(points).all(axis=1)]
    around = np.hstack([points - POINT_PIXELS, points + POINT_PIXELS])
    return np.vstack([np.array(boxes, float).reshape(-1, 4), around])


def _points_on_lines(axes: Axes) -> list[NDArray[np.float64]]:
    """Return points on the lines of a panel in pixels, without those of reference, which cross the whole panel."""
    paths = [
        collection.get_transform().transform(segment)
        for collection in axes.collections
        if isinstance(collection, LineCollection)
        for segment in collection.get_segments()
    ]
    paths += [
        line.get_transform().transform(line.get_xydata())
        for line in axes.lines
        if line.get_linestyle() not in ("None", "none", " ", "")
    ]
    room = (axes.bbox.width, axes.bbox.height)
    sampled = []
    for path in paths:
        if len(path) < 2 or not np.isfinite(path).all():
            continue
        if len(path) == 2 and (np.ptp(path, axis=0) >= 0.98 * np.array(room)).any():
            continue
        lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        steps = np.linspace(0.0, lengths[-1], max(2, min(int(lengths[-1] / (2 * POINT_PIXELS)), MOST_STEPS)))
        sampled.append(np.column_stack([np.interp(steps, lengths, path[:, axis]) for axis in (0, 1)]))
    return sampled


def is_covered(axes: Axes) -> bool:
    """Return whether cells or bars hide most of a panel, so that a mark below them could not be read."""
    if axes.images or any(isinstance(cells, QuadMesh) for cells in axes.collections):
        return True
    to_panel = axes.transData - axes.transAxes  # does not depend on the size of the panel
    area = 0.0
    for bar in axes.patches:
        if isinstance(bar, Rectangle) and bar.get_transform().contains_branch(axes.transData):
            corners = to_panel.transform(bar.get_bbox().corners()).clip(0, 1)
            area += float(np.ptp(corners[:, 0]) * np.ptp(corners[:, 1]))
    return area > COVERED
