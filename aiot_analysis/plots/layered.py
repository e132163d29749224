"""Layered layout of a small graph: layers by longest path from the inputs, few crossings, short arrows.

The method is that of Sugiyama, Tagawa and Toda (1981, IEEE Transactions on Systems, Man and Cybernetics 11): assign
layers, add bends where an arrow passes a layer, order each layer by the mean position of the neighbours, then assign
x positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

SWEEPS = 12
BEND = 0.45  # room for an arrow that passes beside boxes, in widths of a box

Bend = tuple[str, int]  # (source box, layer): arrows from the same box share their bends until they branch off


@dataclass(frozen=True)
class Layout:
    """Positions of boxes (x to the right, in widths of a box; layer, downwards) and the points of arrows."""

    boxes: dict[str, tuple[float, int]]
    arrows: dict[tuple[str, str], list[tuple[float, int]]]  # by (source, target), from first to last point

    @property
    def width(self) -> float:
        xs = [x for points in self.arrows.values() for x, _ in points] + [x for x, _ in self.boxes.values()]
        return max(xs) - min(xs) + 1

    @property
    def layers(self) -> int:
        return max(layer for _, layer in self.boxes.values()) + 1


def layered_layout(inputs: Mapping[str, Sequence[str]]) -> Layout:
    """Return the layout of an acyclic graph, given as the inputs of each box; inputs come first in the mapping."""
    layer = _layers(inputs)
    rows: list[list[str | Bend]] = [[] for _ in range(max(layer.values()) + 1)]
    links: dict[str | Bend, list[str | Bend]] = {}  # upwards
    paths: dict[tuple[str, str], list[str | Bend]] = {}
    for box, sources in inputs.items():
        rows[layer[box]].append(box)
        links.setdefault(box, [])
        for item in sources:
            path: list[str | Bend] = [item, *((item, level) for level in range(layer[item] + 1, layer[box])), box]
            paths[item, box] = path
            for level, (above, below) in enumerate(pairwise(path), layer[item] + 1):
                if below not in links:
                    rows[level].append(below)
                if above not in links.setdefault(below, []):
                    links[below].append(above)
    places = _places(_ordered(rows, links), links)
    return Layout(
        {box: (places[box], layer[box]) for box in inputs},
        {
            ends: [(places[item], layer[ends[0]] + step) for step, item in enumerate(path)]
            for ends, path in paths.items()
        },
    )


def _layers(inputs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the layer of each box: its longest path from an input. Inputs are right above the first box using them."""
    layer: dict[str, int] = {}
    for box, sources in inputs.items():
        layer[box] = max((layer[source] + 1 for source in sources), default=0)
    for box, sources in inputs.items():
        users = [layer[other] for other, other_sources in inputs.items() if box in other_sources]
        if not sources and users:
            layer[box] = min(users) - 1
    return layer


def _neighbours(links: Mapping[str | Bend, Sequence[str | Bend]]) -> dict[str | Bend, list[str | Bend]]:
    down: dict[str | Bend, list[str | Bend]] = {}
    for below, above in links.items():
        for upper in above:
            down.setdefault(upper, []).append(below)
    return down


def _ordered(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> list[list[str | Bend]]:
    """Return the rows in an order with few crossings, the best of `SWEEPS` sweeps down and up."""
    down = _neighbours(links)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        sides = links if downwards else down
        for level in range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1):
            fixed = {item: place for place, item in enumerate(rows[level - 1 if downwards else level + 1])}
            current = {item: place for place, item in enumerate(rows[level])}
            rows[level].sort(key=lambda item: _mean([fixed[other] for other in sides.get(item, ())], current[item]))
        if (crossings := _crossings(rows, links)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return fmean(values) if values else otherwise


def _crossings(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> int:
    count = 0
    for above, below in pairwise(rows):
        place = {item: position for position, item in enumerate(above)}
        ends = [(place[item], position) for position, lower in enumerate(below) for item in links.get(lower, ())]
        count += sum((a - c) * (b - d) < 0 for n, (a, b) in enumerate(ends) for c, d in ends[:n])
    return count


def _places(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> dict[str | Bend, float]:
    """Return an x for each box and bend: near its neighbours, in the order of its row, and without overlaps."""
    down = _neighbours(links)
    x: dict[str | Bend, float] = {}
    for row in rows:
        x |= _spread(row, [float(position) for position in range(len(row))])
    for sweep in range(4 * SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [
                _mean([x[other] for other in (*links.get(item, ()), *down.get(item, ()))], x[item]) for item in row
            ]
            x |= _spread(row, wanted)
    return x


def _spread(row: list[str | Bend], wanted: list[float]) -> dict[str | Bend, float]:
    """Return the wanted positions, moved apart as far as necessary; items that touch are shifted as a group."""
    offset = [0.0]
    for left, right in pairwise(row):
        offset.append(offset[-1] + (_room(left) + _room(right)) / 2)
    # after subtracting the minimum distances, positions only have to be in order: pool adjacent violators
    groups: list[list[float]] = []
    for want, distance in zip(wanted, offset, strict=False):
        groups.append([want - distance])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    shifts = [fmean(group) for group in groups for _ in group]
    return {item: shift + distance for item, shift, distance in zip(row, shifts, offset, strict=False)}


def _room(one: str | Bend) -> float:
    return BEND if isinstance(one, tuple) else 1.1
