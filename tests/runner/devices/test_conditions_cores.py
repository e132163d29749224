import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.devices import AppliedConditions, Conditions, conditions, local
from runner.errors import DeviceError, DeviceLostError

SD855 = [1785.6] * 4 + [2419.2] * 3 + [2841.6]  # Snapdragon 855: four small cores, three middle ones and a prime core
SHOWN = "Cpus_allowed_list:\t4-7\n/foreground\n"


def cores_of(speeds):
    return [{"max_mhz": speed, "governor": None} for speed in speeds]


class Device:
    """A device that returns prepared answers and records the commands."""

    def __init__(self, taskset=(0, ""), shown=SHOWN):
        self.commands = []
        self._taskset, self._shown = taskset, shown

    def __call__(self, words):
        self.commands.append(words)
        return self._taskset if words[-1] == "true" else (0, self._shown)


@pytest.mark.parametrize(
    "speeds, mask",
    [(SD855, "f0"), ([2841.6] * 2 + [1785.6] * 6, "3"), ([1000, 2000, 1000, 2000], "a"), ([1800] * 4 + [2400], "10")],
)
def test_big_cores_are_those_that_can_be_faster_than_the_slowest(speeds, mask):
    assert conditions.big_mask(cores_of(speeds)) == mask


@pytest.mark.parametrize(
    "speeds, reason",
    [
        ([], "it does not report the maximum speed of each core"),
        ([1800, None], "it does not report the maximum speed of each core"),
        ([1800.0] * 8, "none of its 8 cores is faster than the others: all run at 1800 MHz"),
    ],
)
def test_without_big_cores_there_is_an_error(speeds, reason):
    with pytest.raises(DeviceError, match=reason):
        conditions.big_mask(cores_of(speeds))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=64).filter(lambda speeds: len(set(speeds)) > 1))
def test_the_mask_has_a_bit_for_each_faster_core_and_no_other(speeds):
    mask = int(conditions.big_mask(cores_of(speeds)), 16)
    assert [bool(mask >> number & 1) for number in range(64)] == [speed > min(speeds) for speed in speeds] + (
        [False] * (64 - len(speeds))
    )


def test_the_cores_of_agents_are_read_from_a_process_started_like_them():
    device = Device()
    applied = conditions.choose_cores("big", cores_of(SD855), device)
    assert applied == AppliedConditions(core_mask="f0", cores_allowed="4-7", cpuset="/foreground")
    assert [words[:2] for words in device.commands] == [["taskset", "f0"]] * 2
    device = Device(shown="Cpus_allowed_list:\t0-7\n")
    assert conditions.choose_cores("all", cores_of(SD855), device) == AppliedConditions(cores_allowed="0-7")
    assert [words[0] for words in device.commands] == ["sh"]


@pytest.mark.parametrize("message", ["sh: taskset: not found\n", "taskset: bad mask\x1b[31m '9'" + "x" * 10_000, ""])
def test_a_device_that_refuses_is_left_as_it_is(message):
    applied = conditions.choose_cores("big", cores_of(SD855), Device(taskset=(127, message), shown="no such thing"))
    assert (applied.core_mask, applied.cores_allowed, applied.cpuset) == (None, None, None)
    reason = applied.refused["cores"]
    assert reason.startswith("`taskset f0` fails on it (the message is ") and len(reason) < 300 and reason.isprintable()


def test_a_device_that_is_lost_has_refused_nothing():
    def lost(words):
        raise DeviceLostError("It does not answer.")

    with pytest.raises(DeviceLostError):
        conditions.choose_cores("big", cores_of(SD855), lost)


def test_this_machine_starts_agents_on_the_cores_that_were_asked_for(tmp_path, monkeypatch):
    free = sorted(os.sched_getaffinity(0))
    speeds = [2000 if core == free[-1] else 1000 for core in range(max(2, free[-1] + 1))]
    monkeypatch.setattr(local, "_cores", lambda: cores_of(speeds))
    device = local.LocalDevice(tmp_path, "salt")
    with device.hold(Conditions(fixed_performance=True, cores="big")) as applied:
        assert int(applied.core_mask, 16) == 1 << free[-1]
        assert applied.cores_allowed == str(free[-1])
        assert applied.fixed_performance is False
        assert applied.refused == {"fixed_performance": "it is a mode of Android, which this machine does not run"}
        for mask, allowed in ((applied.core_mask, {free[-1]}), (None, set(free))):
            words = ["-c", "import os; print(os.sched_getaffinity(0))"]
            assert device.start_agent(str(tmp_path), words, "main", tmp_path / "said", mask).wait() == 0
            assert (tmp_path / "said").read_text() == f"{allowed}\n"


def test_a_machine_whose_cores_are_alike_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_cores", lambda: cores_of([3000, 3000]))
    with local.LocalDevice(tmp_path, "salt").hold(Conditions(cores="big")) as applied:
        assert (applied.core_mask, applied.fixed_performance) == (None, None)
        assert applied.refused == {"cores": "none of its 2 cores is faster than the others: all run at 3000 MHz"}
