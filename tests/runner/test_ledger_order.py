"""Tests of the order of the next run of a device, which depends on run.json of its earlier runs."""

import json

import pytest

from aiot_suite import suite
from runner import ledger, rawlog
from tests.rawlogs import begin

IDS = [instance.id for instance in suite.select(suite="float32")]
ASKED = {"suite": IDS, "seed": 0, "threads": 2, "profile": {"name": "paper"}}


def drawn(raw, device="local", seed=None, **other):
    return ledger.draw_order(raw, device, {**ASKED, **other}, seed)


def run(raw, number, device="local", ended="2026-01-01T01:00:00Z", seed=None, **other):
    """Log the next run of a device from start to end, and return its run.json."""
    fields = {**ASKED, **other, **drawn(raw, device, seed, **other), "ended": ended}
    folder = begin(raw, run_id=f"20260101T00{number:02}00.000Z-{number:06}", device=device, **fields)
    return rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)


def of_log(record):
    """Return the order that follows from the seed and the direction in run.json."""
    instances = suite.draw_balanced_order(
        [suite.Instance.parse(id_) for id_ in sorted(record["suite"])], record["order"]["seed"]
    )
    ids = [instance.id for instance in instances]
    return ids[::-1] if record["order"]["reversed"] else ids


def test_devices_have_orders_of_their_own_and_every_second_run_reverses_the_one_before(tmp_path):
    runs = {device: [run(tmp_path, number, device) for number in range(6)] for device in ("local", "pixel-1")}
    for first, second, third, fourth, fifth, sixth in runs.values():
        assert sorted(first["suite"]) == sorted(IDS)
        for before, reverse in ((first, second), (third, fourth), (fifth, sixth)):
            assert reverse["suite"] == before["suite"][::-1]
            seed = before["order"]["seed"]
            assert before["order"] == {"seed": seed, "reversed": False, "reverse_of": None}
            assert reverse["order"] == {"seed": seed, "reversed": True, "reverse_of": before["run_id"]}
        assert len({tuple(record["suite"]) for record in (first, third, fifth)}) == 3
    orders = [{tuple(record["suite"]) for record in own} for own in runs.values()]
    assert orders[0].isdisjoint(orders[1])
    assert all(of_log(record) == record["suite"] for own in runs.values() for record in own)


def test_a_linear_trend_cancels_in_two_runs(tmp_path):
    """The mean place over a run and its reverse is the same for all instances."""
    first, second = run(tmp_path, 0)["suite"], run(tmp_path, 1)["suite"]
    assert {first.index(id_) + second.index(id_) for id_ in IDS} == {len(IDS) - 1}


def test_an_explicit_seed_gives_the_same_order_on_every_device_and_in_every_run(tmp_path):
    first = run(tmp_path, 0, seed=7)
    run(tmp_path, 1)
    assert drawn(tmp_path, "local", 7) == drawn(tmp_path, "pixel-1", 7)
    assert drawn(tmp_path, "local", 7)["suite"] == first["suite"] == of_log(first)
    assert first["order"] == {"seed": 7, "reversed": False, "reverse_of": None}
    assert ledger.has_order_of(first, 7) and ledger.has_order_of(first, None) and not ledger.has_order_of(first, 8)
    assert not ledger.has_order_of({"order": {"seed": 7, "reversed": True}}, 7)
    assert ledger.has_order_of({"order": None}, 7)


def test_a_run_that_was_not_finished_is_not_reversed(tmp_path):
    complete, cut = run(tmp_path, 0, threads=4), run(tmp_path, 1, ended=None)
    assert drawn(tmp_path)["order"]["reverse_of"] is None
    assert drawn(tmp_path)["suite"] not in (cut["suite"], cut["suite"][::-1])
    assert drawn(tmp_path, threads=4)["order"]["reverse_of"] == complete["run_id"]


def test_a_reverse_that_was_not_finished_is_tried_again(tmp_path):
    first, cut = run(tmp_path, 0), run(tmp_path, 1, ended=None)
    assert cut["order"]["reverse_of"] == first["run_id"]
    assert drawn(tmp_path)["suite"] == cut["suite"]


def test_a_reverse_whose_partner_is_gone_is_reversed_itself(tmp_path):
    first, second = run(tmp_path, 0), run(tmp_path, 1)
    (tmp_path / "local" / first["run_id"] / "run.json").unlink()
    third = run(tmp_path, 2)
    assert third["suite"] == first["suite"] == of_log(third)
    assert third["order"]["reverse_of"] == second["run_id"]


@pytest.mark.parametrize("other", [{"threads": 4}, {"profile": {"name": "quick"}}, {"suite": IDS[:-1]}])
def test_only_a_run_that_was_asked_the_same_is_reversed(tmp_path, other):
    first = run(tmp_path, 0)
    second = run(tmp_path, 1, **other)
    assert second["order"]["reverse_of"] is None
    assert drawn(tmp_path)["order"]["reverse_of"] == first["run_id"]


def test_other_settings_begin_with_the_same_order(tmp_path):
    """Two versions can thus be compared on a device with each instance at the same place."""
    first = run(tmp_path, 0)
    assert run(tmp_path, 1, threads=4)["suite"] == first["suite"]
    assert run(tmp_path, 2, threads=4)["suite"] == run(tmp_path, 3)["suite"] == first["suite"][::-1]


def test_a_run_of_an_earlier_version_is_reversed_and_damaged_ones_are_passed_over(tmp_path):
    folder = begin(tmp_path, **ASKED, ended="2026-01-01T01:00:00Z")
    record = json.loads((folder / "run.json").read_text())
    assert "order" not in record
    (tmp_path / "local" / "20260102T000000Z-bbbbbb").mkdir()
    (tmp_path / "local" / "20260102T000000Z-bbbbbb" / "run.json").write_text("{")
    fields = drawn(tmp_path)
    assert fields["suite"] == IDS[::-1]
    assert fields["order"] == {"seed": None, "reversed": True, "reverse_of": record["run_id"]}
