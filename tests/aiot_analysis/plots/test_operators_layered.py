"""Tests of properties of the layout on random graphs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.plots import operators


@st.composite
def graphs(draw):
    """Draw a graph of boxes, whose inputs are previous boxes."""
    boxes = [f"b{number}" for number in range(draw(st.integers(1, 9)))]
    return {
        box: draw(st.lists(st.sampled_from(boxes[:at]), unique=True, max_size=3)) if at else []
        for at, box in enumerate(boxes)
    }


@given(graphs())
def test_arrows_lead_down_from_layer_to_layer_and_nothing_overlaps(inputs):
    found = operators.layered_layout(inputs)
    assert set(found.boxes) == set(inputs)
    assert set(found.arrows) == {(one, box) for box, before in inputs.items() for one in before}
    for (one, box), points in found.arrows.items():
        assert (points[0], points[-1]) == (found.boxes[one], found.boxes[box])
        assert [layer for _, layer in points] == list(range(points[0][1], points[-1][1] + 1))
    for box, (x, layer) in found.boxes.items():
        beside = [other for name, (other, at) in found.boxes.items() if at == layer and name != box]
        assert all(abs(x - other) > 0.99 for other in beside)
        passing = [
            at for ends, points in found.arrows.items() if box not in ends for at, row in points[1:-1] if row == layer
        ]
        assert all(abs(x - at) > 0.5 for at in passing), "an arrow crosses a box"
    assert found.layers == max(layer for _, layer in found.boxes.values()) + 1


def test_a_chain_is_straight():
    found = operators.layered_layout({"a": [], "b": ["a"], "c": ["b"]})
    assert [place[1] for place in found.boxes.values()] == [0, 1, 2]
    assert len({round(x, 6) for x, _ in found.boxes.values()}) == 1


def test_arrows_that_need_not_cross_do_not():
    found = operators.layered_layout({"a": [], "b": [], "c": ["b"], "d": ["a"]})
    x = {box: place[0] for box, place in found.boxes.items()}
    assert (x["a"] < x["b"]) == (x["d"] < x["c"])


def test_a_shortcut_goes_beside_the_boxes():
    found = operators.layered_layout({"x": [], "one": ["x"], "two": ["one"], "add": ["two", "x"]})
    middle = [x for x, _ in found.arrows["x", "add"]][1:-1]
    assert len(middle) == 2
    assert all(abs(x - found.boxes["one"][0]) > 0.5 for x in middle)
    xs = [x for x, _ in found.boxes.values()] + middle
    assert found.width == pytest.approx(max(xs) - min(xs) + 1)
