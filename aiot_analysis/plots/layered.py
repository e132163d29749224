"""A layered layout of a small graph: rows by the longest way from the inputs, few crossings, short arrows.

The method of Sugiyama, Tagawa and Toda (1981, IEEE Transactions on Systems, Man and Cybernetics 11): layers, bends
where an arrow passes a layer, order within a layer by the mean place of the neighbours, then places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

SWEEPS = 12
BEND = 0.45  # room that an arrow takes beside boxes, which take 1

Bend = tuple[str, int]  # where the arrows of a box pass a layer: together, until each turns to its end


@dataclass(frozen=True)
class Layout:
    """Places of boxes (x to the right in widths of a box, layer downwards) and the points that arrows pass."""

    boxes: dict[str, tuple[float, int]]
    arrows: dict[tuple[str, str], list[tuple[float, int]]]  # (from, to): from the first to the last point

    @property
    def width(self) -> float:
        xs = [x for points in self.arrows.values() for x, _ in points] + [x for x, _ in self.boxes.values()]
        return max(xs) - min(xs) + 1

    @property
    def layers(self) -> int:
        return max(layer for _, layer in self.boxes.values()) + 1


def layout(inputs: Mapping[str, Sequence[str]]) -> Layout:
    """The layout of a graph without cycles: the inputs of each box, which come before it in the mapping."""
    layer = _layers(inputs)
    rows: list[list[str | Bend]] = [[] for _ in range(max(layer.values()) + 1)]
    links: dict[str | Bend, list[str | Bend]] = {}  # upwards
    ways: dict[tuple[str, str], list[str | Bend]] = {}
    for box, before in inputs.items():
        rows[layer[box]].append(box)
        links.setdefault(box, [])
        for one in before:
            way: list[str | Bend] = [one, *((one, at) for at in range(layer[one] + 1, layer[box])), box]
            ways[one, box] = way
            for at, (above, below) in enumerate(pairwise(way), layer[one] + 1):
                if below not in links:
                    rows[at].append(below)
                if above not in links.setdefault(below, []):
                    links[below].append(above)
    places = _places(_ordered(rows, links), links)
    return Layout(
        {box: (places[box], layer[box]) for box in inputs},
        {ends: [(places[one], layer[ends[0]] + step) for step, one in enumerate(way)] for ends, way in ways.items()},
    )


def _layers(inputs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way to each box; an input box stands right above the first box that takes it."""
    layer: dict[str, int] = {}
    for box, before in inputs.items():
        layer[box] = max((layer[one] + 1 for one in before), default=0)
    for box, before in inputs.items():
        users = [layer[other] for other, some in inputs.items() if box in some]
        if not before and users:
            layer[box] = min(users) - 1
    return layer


def _neighbours(links: Mapping[str | Bend, Sequence[str | Bend]]) -> dict[str | Bend, list[str | Bend]]:
    down: dict[str | Bend, list[str | Bend]] = {}
    for below, above in links.items():
        for one in above:
            down.setdefault(one, []).append(below)
    return down


def _ordered(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> list[list[str | Bend]]:
    """Rows in an order with few crossings: the best of some sweeps down and up."""
    down = _neighbours(links)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        sides = links if downwards else down
        for at in range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1):
            fixed = {one: place for place, one in enumerate(rows[at - 1 if downwards else at + 1])}
            now = {one: place for place, one in enumerate(rows[at])}
            rows[at].sort(key=lambda one: _mean([fixed[other] for other in sides.get(one, ())], now[one]))
        if (crossings := _crossings(rows, links)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return fmean(values) if values else otherwise


def _crossings(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> int:
    count = 0
    for above, below in pairwise(rows):
        place = {one: at for at, one in enumerate(above)}
        ends = [(place[one], at) for at, other in enumerate(below) for one in links.get(other, ())]
        count += sum((a - c) * (b - d) < 0 for n, (a, b) in enumerate(ends) for c, d in ends[:n])
    return count


def _places(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> dict[str | Bend, float]:
    """An x for everything: near its neighbours, in the order of its row, far enough from what is beside it."""
    down = _neighbours(links)
    x: dict[str | Bend, float] = {}
    for row in rows:
        x |= _spread(row, [float(at) for at in range(len(row))])
    for sweep in range(4 * SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean([x[other] for other in (*links.get(one, ()), *down.get(one, ()))], x[one]) for one in row]
            x |= _spread(row, wanted)
    return x


def _spread(row: list[str | Bend], wanted: list[float]) -> dict[str | Bend, float]:
    """The wanted places, moved apart as far as is needed: groups that touch share their shift."""
    offset = [0.0]
    for left, right in pairwise(row):
        offset.append(offset[-1] + (_room(left) + _room(right)) / 2)
    # with the least distances taken off, places only have to be in order: pool adjacent violators
    groups: list[list[float]] = []
    for want, away in zip(wanted, offset, strict=False):
        groups.append([want - away])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    shifts = [fmean(group) for group in groups for _ in group]
    return {one: shift + away for one, shift, away in zip(row, shifts, offset, strict=False)}


def _room(one: str | Bend) -> float:
    return BEND if isinstance(one, tuple) else 1.1
