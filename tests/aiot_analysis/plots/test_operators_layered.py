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
    layout = operators.layered_layout(inputs)
    assert set(layout.boxes) == set(inputs)
    assert set(layout.arrows) == {(start, box) for box, before in inputs.items() for start in before}
    for (start, box), points in layout.arrows.items():
        assert (points[0], points[-1]) == (layout.boxes[start], layout.boxes[box])
        assert [layer for _, layer in points] == list(range(points[0][1], points[-1][1] + 1))
    for box, (x, layer) in layout.boxes.items():
        beside = [other for name, (other, at) in layout.boxes.items() if at == layer and name != box]
        assert all(abs(x - other) > 0.99 for other in beside)
        passing = [
            at for ends, points in layout.arrows.items() if box not in ends for at, row in points[1:-1] if row == layer
        ]
        assert all(abs(x - at) > 0.5 for at in passing), "an arrow crosses a box"
    assert layout.layers == max(layer for _, layer in layout.boxes.values()) + 1


def test_a_chain_is_straight():
    layout = operators.layered_layout({"a": [], "b": ["a"], "c": ["b"]})
    assert [place[1] for place in layout.boxes.values()] == [0, 1, 2]
    assert len({round(x, 6) for x, _ in layout.boxes.values()}) == 1


def test_arrows_that_need_not_cross_do_not():
    layout = operators.layered_layout({"a": [], "b": [], "c": ["b"], "d": ["a"]})
    x = {box: place[0] for box, place in layout.boxes.items()}
    assert (x["a"] < x["b"]) == (x["d"] < x["c"])


def test_a_shortcut_goes_beside_the_boxes():
    layout = operators.layered_layout({"x": [], "one": ["x"], "two": ["one"], "add": ["two", "x"]})
    middle = [x for x, _ in layout.arrows["x", "add"]][1:-1]
    assert len(middle) == 2
    assert all(abs(x - layout.boxes["one"][0]) > 0.5 for x in middle)
    xs = [x for x, _ in layout.boxes.values()] + middle
    assert layout.width == pytest.approx(max(xs) - min(xs) + 1)
