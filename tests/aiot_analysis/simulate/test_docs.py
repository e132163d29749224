"""Tests that recompute every number in docs/simulation.md."""

import re
from pathlib import Path

import pytest

from aiot_analysis.simulate import Options, assumptions, draw
from aiot_analysis.tables import names
from tests.command import aiot

TEXT = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text(encoding="utf-8")
WORDS = re.sub(r"\s+", " ", TEXT)


def test_the_shares_that_are_assumed_are_those_of_the_parameters():
    rows = [
        f"| {row.of} | {row.total} | {row.reference} | {row.assumed} | {100 * row.assumed_share:.1f}% |"
        for row in assumptions.shares().itertuples()
    ]
    assert [line for line in TEXT.splitlines() if line.startswith("| ")][1:] == [
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]


def test_the_factors_of_the_ten_phones_are_those_that_are_drawn():
    options = Options()
    factors = {
        phone.name: draw.phone(phone, names.PAPER_FLOAT32, options.seed, options.images)[1]
        for phone in assumptions.paper_phones()
        if phone.vips
    }
    smallest, largest = min(factors, key=factors.get), max(factors, key=factors.get)
    words = f"from {factors[smallest]:.1f} ({smallest}) to {factors[largest]:.1f} ({largest}) with the default options"
    assert words in WORDS
    assert f"the factor of {factors['Meizu 16Xs']:.1f}, the smallest of all" in WORDS
    assert smallest == "Meizu 16Xs"


def test_the_rule_for_the_other_phones_is_reported_with_its_numbers():
    assert f"share the factor {draw.common_scale():.1f}, the geometric mean" in WORDS
    assert f"pressed together under {draw.ceiling():.2f}" in WORDS


def test_the_comparison_with_paddle_lite_is_of_the_figures_in_the_parameter_file():
    text = (Path(assumptions.__file__).parent / "fleet.toml").read_text(encoding="utf-8")
    slow, fast = (float(number) for number in re.findall(r"([0-9.]+) ms with", text))
    assert f"differ {slow / fast:.1f} times" in WORDS


def test_the_chips_with_published_times_and_the_25_phones_are_as_documented():
    times = assumptions.times()
    assert set(times[times["basis"] == "reference"]["soc"]) == {"Snapdragon 845", "Snapdragon 855"}
    assert "two chips (Snapdragon 845 and 855)" in WORDS
    chosen = assumptions.quantized(assumptions.paper_phones(), Options().quantized_on)
    firsts = {
        min(phone.number for phone in assumptions.paper_phones() if phone.soc == soc) for soc in assumptions.socs()
    }
    assert (len(chosen), len(firsts), len(chosen - firsts)) == (25, 19, 6)
    assert sorted(chosen - firsts) == sorted(set(range(1, 52)) - firsts)[:6]
    assert "first phone of each of the 19 chips in the order of Table III, then the first six of the others" in WORDS


def test_about_three_phones_in_ten_get_slower():
    hot = sum(draw._throttle(phone, 0) > 0 for phone in assumptions.phones(1000, 0))
    assert hot / 1000 == pytest.approx(0.3, abs=0.05)


def test_the_document_shows_exactly_the_existing_options():
    shown = set(re.findall(r"(?<=[ `])--[a-z]+[a-z-]*", TEXT))
    offered = set(re.findall(r"--[a-z-]+", aiot("simulate", "--help").stdout)) - {"--help"}
    assert shown == offered


def test_the_made_up_date_is_that_of_the_parameters():
    assert assumptions.file()["time"]["started"][:10] in TEXT.splitlines()[-1]
