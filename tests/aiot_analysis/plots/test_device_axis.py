"""Tests of devices along an axis."""

import matplotlib.pyplot as plt
import pytest

from aiot_analysis.plots import device_axis


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["samsung galaxy s10e"], ["samsung galaxy s10e"]),
        (["samsung galaxy s10e", "vivo iqoo neo3"], ["samsung\ngalaxy\ns10e", "vivo iqoo\nneo3"]),
        (["samsung galaxy s10e", "b", "c"], ["samsung galaxy s10e", "b", "c"]),
    ],
)
def test_two_long_names_stand_side_by_side(ids, expected):
    figure, axes = plt.subplots(figsize=(2.6, 2))
    device_axis.set_up_x_axis(axes, ids)
    figure.canvas.draw()
    labels = axes.get_xticklabels()
    assert [label.get_text() for label in labels] == expected
    boxes = [label.get_window_extent() for label in labels]
    if len(ids) == 2:
        assert not boxes[0].overlaps(boxes[1])
    plt.close(figure)
