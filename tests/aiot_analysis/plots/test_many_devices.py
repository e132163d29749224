"""Figures of more devices than there is room for."""

from __future__ import annotations

import pytest

from aiot_analysis.plots import coverage, vips
from aiot_analysis.stats import vips as vips_stats
from aiot_analysis.tables import names

from ..conftest import instance, instances

ORIGIN = "simulated · end to end"
SUITE = names.PAPER_FLOAT32[:2]


def fleet(count):
    """Devices of which every third cannot run the second instance."""
    rows = [instance(SUITE[0], device_id=f"phone-{number:04}") for number in range(count)]
    for number in range(count):
        accuracy, time_ms = (None, None) if number % 3 == 0 else (0.5, 10.0)
        rows.append(instance(SUITE[1], accuracy, time_ms, device_id=f"phone-{number:04}"))
    return instances(*rows)


@pytest.mark.parametrize("count", [120, 121, 600])
def test_of_many_devices_the_coverage_is_counted_and_the_figure_stays_small(count):
    figure = coverage.grid(fleet(count), ORIGIN)
    absent = -(-count // 3)
    said = f"{2 * count - absent} valid, {absent} unavailable and {58 * count} not run."
    assert figure.get_label() == f"Simulated data. Of {60 * count} tests on {count} devices: {said}"
    width, height = figure.get_size_inches()
    assert width < 21 and height < 10
    shown = [text.get_text() for text in figure.axes[0].texts]
    if count > coverage.SIDE_BY_SIDE:
        assert shown[:2] == [f"✓ {count}", f"✓ {count - absent}"]
        assert f"– {absent}" in shown and shown.count(f"· {count}") == 58
        assert figure.axes[0].get_xlabel() == "devices" and width < 8
    else:
        assert len(shown) == 60 * count


@pytest.mark.parametrize("count", [120, 600])
def test_a_ranking_of_many_devices_shows_the_first_and_the_total(count):
    figure = vips.ranking(vips_stats.scores(fleet(count)), ORIGIN)
    assert figure.get_size_inches()[1] < 24
    assert len(figure.axes[0].get_yticklabels()) == 120
    assert f"VIPS of {count} devices, 50 to 100 valid images per second" in figure.get_label()
    assert ("the first 120 of 600 devices" in figure.axes[0].get_xlabel()) == (count > 120)
