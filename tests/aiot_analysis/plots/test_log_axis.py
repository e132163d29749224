import re
from itertools import pairwise, product

import pytest
from matplotlib.figure import Figure

from aiot_analysis.plots import log_axis


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (4, 320, ["5", "10", "20", "50", "100", "200"]),
        (30, 900, ["50", "100", "200", "500"]),
        (0.7, 4, ["1", "2", "3"]),
        (0.02, 0.3, ["0.02", "0.05", "0.1", "0.2"]),
        (0.3, 4e6, None),
        (1, 1e12, None),
        (0.97, 1.04, None),
        (90, 140, None),
    ],
)
@pytest.mark.parametrize("side", ["x", "y"])
def test_logarithmic_axes_have_at_least_three_plain_numbers(low, high, expected, side):
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    getattr(axes, f"set_{side}scale")("log")
    getattr(axes, f"set_{side}lim")(low, high)
    axis = getattr(axes, f"{side}axis")
    log_axis.plain_log(axis)
    figure.draw_without_rendering()
    inside = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    labels = [label.get_text() for label in inside]
    assert expected is None or labels == expected or set(expected) <= set(labels)
    assert len(labels) >= 3 and all(re.fullmatch(r"[\d,]+(\.\d+)?", label) for label in labels)
    values = [float(label.replace(",", "")) for label in labels]
    assert values == pytest.approx([tick.get_loc() for tick in axis.get_major_ticks()][: len(values)], rel=1e-6)
    boxes = [label.get_window_extent() for label in inside]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    assert not axis.get_minorticklocs().size


def test_a_short_logarithmic_axis_has_fewer_numbers_and_never_one():
    for width, (low, high) in product((1.2, 2.0), ((3, 40), (1, 1e5), (100, 260))):
        figure = Figure(figsize=(width, 1), layout="constrained")
        axes = figure.add_subplot(xscale="log", xlim=(low, high))
        log_axis.plain_log(axes.xaxis)
        figure.draw_without_rendering()
        assert sum(low <= place <= high for place in axes.xaxis.get_majorticklocs()) >= 3


@pytest.mark.parametrize(("value", "text"), [(0.05, "0.05"), (20, "20"), (1500, "1500"), (2e6, "2,000,000")])
def test_numbers_on_an_axis_have_no_exponent(value, text):
    assert log_axis.plain_number(value) == text
