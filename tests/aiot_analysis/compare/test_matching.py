"""Tests of which instances may be compared, and of the reasons given for the others."""

import pytest

from aiot_analysis.compare import matching
from aiot_analysis.errors import CompareError, PoolingError
from tests.aiot_analysis.compare.two import MNASNET, RUN_A, RUN_B, SQUEEZENET, TORCH, side
from tests.aiot_analysis.conftest import instance


def row(id_, device="local", run=RUN_A, **other):
    return instance(id_, device_id=device, run_id=run, **other), None


def apart(matched):
    return list(matched.apart[["instance_id", "reason", "lost"]].itertuples(index=False, name=None))


def test_two_devices_are_compared_by_instance():
    result = matching.match(side(row(MNASNET), row(TORCH)), side(row(MNASNET, "pixel"), row(TORCH, "pixel")))
    assert result.kind == matching.ONE
    assert result.instances == [TORCH, MNASNET]
    assert list(result.other["device_id"]) == ["pixel", "pixel"]
    assert (apart(result), result.differs) == ([], {})


def test_fleets_with_devices_in_common_are_paired_by_device():
    base = side(*(row(MNASNET, device_id) for device_id in "abc"))
    other = side(*(row(MNASNET, device_id, RUN_B) for device_id in "bcd"))
    result = matching.match(base, other)
    assert result.kind == matching.SAME
    assert list(result.base["device_id"]) == list(result.other["device_id"]) == ["b", "c"]
    assert apart(result) == [(MNASNET, "B did not run it", False), (MNASNET, "A did not run it", False)]


def test_one_device_in_common_is_compared_with_itself():
    result = matching.match(side(row(MNASNET, "a"), row(MNASNET, "b")), side(row(MNASNET, "a", RUN_B)))
    assert result.kind == matching.ONE
    assert list(result.base["device_id"]) == ["a"]


def test_fleets_of_other_devices_are_compared_as_they_are():
    result = matching.match(side(row(MNASNET, "a"), row(MNASNET, "b")), side(row(MNASNET, "c")))
    assert result.kind == matching.OTHER
    assert (list(result.base["device_id"]), list(result.other["device_id"])) == (["a", "b"], ["c"])


@pytest.mark.parametrize(
    ("field", "a", "b"),
    [
        ("dataset_sha256", "dddd", "eeee"),
        ("weights", "sample", "pretrained"),
        ("source", "agent", "tool"),
        ("origin", "measured", "imported"),
    ],
)
def test_what_must_be_alike_is_refused_with_the_field_and_both_values(field, a, b):
    with pytest.raises(PoolingError, match=f"they differ in {field}: '{a}' and '{b}'"):
        matching.match(side(row(MNASNET, **{field: a})), side(row(MNASNET, run=RUN_B, **{field: b})))


def test_one_instance_that_may_not_be_compared_is_a_gap_and_the_others_are():
    base = side(row(MNASNET), row(TORCH, weights="sample"))
    other = side(row(MNASNET, run=RUN_B), row(TORCH, run=RUN_B, timing="inference"))
    result = matching.match(base, other)
    assert result.instances == [MNASNET]
    assert apart(result) == [(TORCH, "they differ in timing: 'end_to_end' and 'inference'", False)]


def test_what_the_comparison_is_about_is_reported():
    changed = {"threads": 4, "framework_version": "2.0", "profile": "quick", "conditions": "big cores"}
    result = matching.match(side(row(MNASNET)), side(row(MNASNET, run=RUN_B, model_sha256="other", **changed)))
    assert result.differs["threads"] == [("1", "4")]
    assert result.differs["framework_version"] == [("1.0", "2.0")]
    assert result.differs["profile"] == [("paper", "quick")]
    assert result.differs["conditions"] == [("unknown", "big cores")]
    assert result.differs["model_sha256"] == [("tflite-float32-mnasnet", "other")]
    assert set(result.differs) == {*changed, "model_sha256"}


def test_instances_of_one_side_are_listed_and_those_that_failed_are_lost():
    failed = instance(TORCH, None, None, run_id=RUN_B, status="failed", verdict="invalid", reasons="out of memory")
    gone = instance(SQUEEZENET, None, None, run_id=RUN_B, reasons="not offered here")
    base = side(row(MNASNET), row(TORCH), row(SQUEEZENET))
    result = matching.match(base, side(row(MNASNET, run=RUN_B), (failed, None), (gone, None)))
    assert sorted(apart(result)) == [
        (TORCH, "invalid in B: out of memory", True),
        (SQUEEZENET, "unavailable in B: not offered here", False),
    ]
    back = matching.match(side(row(MNASNET, run=RUN_B), (failed, None)), base)
    assert (TORCH, "invalid in A: out of memory", False) in apart(back)  # the instance works now, so nothing is lost


def test_what_is_invalid_on_both_sides_is_listed_for_both():
    both = [
        instance(TORCH, None, None, run_id=run, status="failed", verdict="invalid", reasons=f"it broke {run[-6:]}")
        for run in (RUN_A, RUN_B)
    ]
    result = matching.match(side(row(MNASNET), (both[0], None)), side(row(MNASNET, run=RUN_B), (both[1], None)))
    assert apart(result) == [
        (TORCH, "invalid in A: it broke aaaaaa", False),
        (TORCH, "invalid in B: it broke bbbbbb", False),
    ]


def test_the_same_run_on_both_sides_is_refused():
    words = rf"have results in common \(1, such as {MNASNET} of run {RUN_A} on local\): choose sides without"
    with pytest.raises(CompareError, match=words):
        matching.match(side(row(MNASNET)), side(row(MNASNET)))


def test_sides_without_a_common_instance_list_examples():
    with pytest.raises(CompareError, match="share no instance with usable numbers") as caught:
        matching.match(side(row(MNASNET)), side(row(TORCH, run=RUN_B)))
    assert f"{MNASNET}: B did not run it" in str(caught.value)


def test_a_side_without_numbers_is_refused():
    with pytest.raises(CompareError, match="B has no instance with usable numbers"):
        matching.match(side(row(MNASNET)), side((instance(MNASNET, None, None), None)))


def test_devices_that_were_measured_otherwise_than_most_are_apart():
    base = [row(MNASNET, device_id) for device_id in "abcd"]
    other = [row(MNASNET, device_id, RUN_B, threads=4 if device_id == "c" else 1) for device_id in "abcd"]
    result = matching.match(side(*base), side(*other))
    assert list(result.base["device_id"]) == list(result.other["device_id"]) == ["a", "b", "d"]
    assert list(result.apart["device_id"]) == ["c"]
    assert result.apart["reason"].iloc[0] == "measured under other conditions than on most devices of its side"
