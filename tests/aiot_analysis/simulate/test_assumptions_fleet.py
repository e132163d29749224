"""Tests of the simulated phones: those of Table III, and any number of similar ones."""

import pytest

from aiot_analysis.simulate import assumptions
from aiot_analysis.tables import paper


def test_the_first_51_are_those_of_table_iii():
    table = paper.devices()
    assert [phone.name for phone in assumptions.paper_phones()] == table["device"].tolist()
    assert [phone.paper_id for phone in assumptions.paper_phones()] == list(range(1, 52))
    last = assumptions.paper_phones()[50]
    assert (last.soc, last.ram_gb, last.android, last.vips) == ("Snapdragon 855+", 8, "10", None)


def test_ten_of_them_have_the_score_of_table_iv():
    scores = {phone.name: phone.vips for phone in assumptions.paper_phones() if phone.vips is not None}
    assert scores == dict(zip(paper.top10()["device"], paper.top10()["vips"], strict=True))
    # as printed in the paper
    assert scores["Meizu 16Xs"] == 129.46
    assert "Meizu 16s" not in scores


def test_slugs_are_unique_and_plain():
    slugs = [phone.slug for phone in assumptions.phones(120, 0)]
    assert len(set(slugs)) == 120
    assert slugs[0] == "sim-01-samsung-galaxy-s10e"
    assert slugs[1] == "sim-02-samsung-galaxy-s10-plus"
    assert all(set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for slug in slugs)


@pytest.mark.parametrize("count", [1, 10, 51, 60])
def test_a_smaller_fleet_is_the_start_of_a_larger_one(count):
    assert assumptions.phones(count, 3) == assumptions.phones(300, 3)[:count]


def test_phones_beyond_table_iii_are_like_those_in_it():
    others = assumptions.phones(400, 0)[51:]
    kinds = {(phone.soc, phone.ram_gb, phone.android) for phone in assumptions.paper_phones()}
    drawn = {(phone.soc, phone.ram_gb, phone.android) for phone in others}
    assert drawn <= kinds
    assert len({soc for soc, _, _ in drawn}) == 19
    assert {phone.paper_id for phone in others} == {phone.vips for phone in others} == {None}
    assert others != assumptions.phones(400, 1)[51:]


def test_25_phones_run_the_quantized_models_and_no_chip_is_missing():
    chosen = assumptions.quantized(assumptions.paper_phones(), 25)
    assert len(chosen) == 25
    assert {assumptions.paper_phones()[number - 1].soc for number in chosen} == set(paper.devices()["soc"])
    assert assumptions.quantized(assumptions.phones(300, 0), 25) == chosen
    assert assumptions.quantized(assumptions.phones(10, 0), 25) == {number for number in chosen if number <= 10}


@pytest.mark.parametrize(("count", "expected"), [(None, 60), (0, 0), (51, 51), (55, 55), (1000, 60)])
def test_any_number_of_phones_can_run_the_quantized_models(count, expected):
    assert len(assumptions.quantized(assumptions.phones(60, 0), count)) == expected
