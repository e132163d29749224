import json
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.devices import Conditions, android
from runner.devices.adb import CommandResult
from runner.devices.attached import AttachedDevice
from runner.devices.conditions import NOTE
from runner.errors import DeviceLostError
from tests.runner.devices.android_specimens import BATTERY, PHONE, answer

FOLDER = "/data/local/tmp/aiot"


class Phone:
    """A connection to an Android phone with only the commands that conditions need.

    The call with the number `lost_at` is executed, but its answer is lost; later calls are not executed.
    """

    serial = "PHONE"

    def __init__(self, stay_on="null", fixed=(0, ""), svc=True, power="  mWakefulness=Awake\n", battery=BATTERY):
        self.stay_on, self.fixed_performance = stay_on, False
        self.files = {}
        self.calls = []
        self.lost_at = None
        self._fixed, self._svc = fixed, svc
        self._power, self._battery = power, battery

    def shell(self, command, timeout_s=20):
        words = shlex.split(command) if isinstance(command, str) else [*command]
        self._count(words)
        exit_code, output = self._do(words)
        self._lose()
        return CommandResult(exit_code, output, "")

    def push(self, source, target, mode=0o644):
        self._count(["push", target])
        self.files[target] = source
        self._lose()

    def _count(self, words):
        if self.lost_at is not None and len(self.calls) >= self.lost_at:
            raise DeviceLostError("It does not answer.")
        self.calls.append(words)

    def _lose(self):
        if self.lost_at is not None and len(self.calls) >= self.lost_at:
            raise DeviceLostError("It does not answer.")

    def _do(self, words):
        match words:
            case ["cat", path]:
                return (0, self.files[path].decode()) if path in self.files else (1, "")
            case ["rm", "-f", path]:
                self.files.pop(path, None)
            case ["settings", "get", "global", "stay_on_while_plugged_in"]:
                return 0, f"{self.stay_on}\n"
            case ["settings", "put", "global", "stay_on_while_plugged_in", value]:
                self.stay_on = value
            case ["settings", "delete", "global", "stay_on_while_plugged_in"]:
                self.stay_on = "null"
            case ["svc", "power", "stayon", "true"] if self._svc:
                self.stay_on = "15"
            case ["cmd", "power", "set-fixed-performance-mode-enabled", value]:
                if self._fixed[0] == 0:
                    self.fixed_performance = value == "true"
                return self._fixed
            case ["sh", "-c", line] if line.startswith("dumpsys power"):
                return 0, self._power
            case ["dumpsys", "battery"]:
                return 0, self._battery
            case ["sh", "-c", _] | ["taskset", _, "sh", "-c", _]:
                return 0, f"Cpus_allowed_list:\t{'0-7' if words[0] == 'sh' else '4-7'}\n/\n"
        return 0, ""


def device(phone, sdk=30, os="Android"):
    attached = AttachedDevice(phone, "salt", FOLDER)
    attached.__dict__["facts"] = replace(android.facts(answer(**PHONE)), os=os, sdk=sdk)  # facts are read only once
    return attached


ALL = Conditions(fixed_performance=True, cores="big")


@pytest.mark.parametrize("stay_on", ["null", "0", "3", "15"])
def test_the_phone_is_held_to_what_was_asked_for_and_restored(stay_on):
    phone = Phone(stay_on)
    with device(phone).hold(ALL) as applied:
        assert (phone.stay_on, phone.fixed_performance) == ("15", True)
        assert (applied.screen_on, applied.fixed_performance, applied.refused) == (True, True, {})
        assert (applied.core_mask, applied.cores_allowed, applied.cpuset) == ("f0", "4-7", "/")
        note = json.loads(phone.files[f"{FOLDER}/{NOTE}"])
        assert note == {"stay_on": stay_on, "fixed_performance": True}
    assert (phone.stay_on, phone.fixed_performance) == (stay_on, False)
    assert f"{FOLDER}/{NOTE}" not in phone.files


def test_without_being_asked_only_the_screen_is_kept_on():
    phone = Phone("0")
    with device(phone).hold(Conditions()) as applied:
        assert (phone.stay_on, phone.fixed_performance) == ("15", False)
        assert (applied.fixed_performance, applied.core_mask, applied.cores_allowed) == (None, None, "0-7")
    assert phone.stay_on == "0"
    assert not [words for words in phone.calls if words[0] in ("cmd", "taskset")]


def test_conditions_that_the_phone_refuses_are_reported():
    message = "Failed to set FIXED_PERFORMANCE mode\nThis is likely because Power HAL AIDL is not implemented\n"
    phone = Phone(fixed=(255, message), svc=False)
    with device(phone).hold(ALL) as applied:
        assert applied.fixed_performance is False
        assert applied.refused == {
            "screen_on": "`svc power stayon true` has no effect on the device",
            "fixed_performance": f"the device refuses it with the message {' '.join(message.split())!r}",
        }
    with device(Phone(), sdk=29).hold(ALL) as applied:
        assert applied.refused == {"fixed_performance": "it requires Android 11 or later (API level 30)"}


NO_EFFECT = "`svc power stayon true` has no effect on the device"
UNPLUGGED = "the device is not plugged in, and Android keeps the screen on only while it is"
ON_BATTERY = BATTERY.replace("USB powered: true", "USB powered: false")
AWAKE, ASLEEP, DREAMING = (f"  mWakefulness={state}\n" for state in ("Awake", "Asleep", "Dreaming"))


@pytest.mark.parametrize(
    ("svc", "power", "battery", "screen_on", "plugged", "refusal"),
    [
        (True, AWAKE, BATTERY, True, True, None),
        (True, DREAMING, BATTERY, True, True, None),
        (True, ASLEEP, BATTERY, False, True, "the screen is off (Asleep)"),
        (True, "  mWakefulness=Dozing\n", BATTERY, False, True, "the screen is off (Dozing)"),
        (True, AWAKE, ON_BATTERY, False, False, UNPLUGGED),
        (True, ASLEEP, ON_BATTERY, False, False, f"{UNPLUGGED}; the screen is off (Asleep)"),
        (False, ASLEEP, ON_BATTERY, False, False, f"{NO_EFFECT}; the screen is off (Asleep)"),
        (True, "", BATTERY, None, True, None),  # no evidence that the screen is on
        (True, AWAKE, "Can't find service: battery\n", None, None, None),
        (True, "", ON_BATTERY, False, False, UNPLUGGED),
    ],
)
def test_the_screen_stays_on_only_if_the_phone_says_so(svc, power, battery, screen_on, plugged, refusal):
    with device(Phone(svc=svc, power=power, battery=battery)).hold(Conditions()) as applied:
        assert (applied.screen_on, applied.plugged) == (screen_on, plugged)
        assert applied.wakefulness == (power.strip().partition("=")[2] or None)
        assert applied.refused == ({"screen_on": refusal} if refusal else {})


def test_a_board_has_only_cores():
    phone = Phone("0")
    with device(phone, os="Debian GNU/Linux").hold(ALL) as applied:
        assert (applied.core_mask, applied.screen_on, applied.fixed_performance) == ("f0", None, False)
        assert applied.refused == {"fixed_performance": "it is a mode of Android, which the device does not run"}
    assert {words[0] for words in phone.calls} == {"taskset"}


@given(st.sampled_from(["null", "0", "7"]), st.lists(st.integers(1, 30), max_size=4), st.booleans())
def test_wherever_a_run_is_cut_off_cleaning_brings_the_phone_to_how_it_was(stay_on, lost_at, error):
    phone = Phone(stay_on)
    for at in lost_at:  # runs that lose the phone after this many calls, or end at once with another error
        phone.calls, phone.lost_at = [], at
        try:
            with device(phone).hold(ALL):
                if error:
                    raise KeyboardInterrupt
        except (DeviceLostError, KeyboardInterrupt):
            pass
    phone.lost_at = None
    device(phone).conditions.restore()
    assert (phone.stay_on, phone.fixed_performance) == (stay_on, False)
    assert device(phone).conditions.restore() is False


def test_a_run_without_the_mode_undoes_that_of_one_that_was_cut_off():
    phone = Phone("0")
    with pytest.raises(DeviceLostError), device(phone).hold(ALL):
        phone.lost_at = 0
    assert (phone.stay_on, phone.fixed_performance) == ("15", True)
    phone.lost_at = None
    with device(phone).hold(Conditions()) as applied:
        assert (phone.fixed_performance, applied.fixed_performance) == (False, None)
    assert phone.stay_on == "0"


def test_a_device_lost_at_the_end_is_reported_so_that_it_is_retried():
    phone = Phone("0")
    with pytest.raises(DeviceLostError), device(phone).hold(Conditions()):
        phone.calls, phone.lost_at = [], 1
    phone.lost_at = None
    with device(phone).hold(Conditions()):
        pass
    assert phone.stay_on == "0"


@pytest.mark.parametrize(
    "note",
    [b"", b"[1]", b"[" * 100_000, b"\xff", b'{"stay_on": "3; reboot", "fixed_performance": 1}', b'{"stay_on": 7}'],
)
def test_a_note_that_is_odd_changes_nothing(note):
    phone = Phone("1")
    phone.files[f"{FOLDER}/{NOTE}"] = note.decode(errors="replace").encode()
    device(phone).conditions.restore()
    assert (phone.stay_on, phone.fixed_performance) == ("1", False)
    assert not [words for words in phone.calls if words[0] in ("settings", "cmd", "svc")]


@pytest.mark.parametrize("answer", ["cmd: Can't find service: settings", "$(reboot)", "3\n4", "-1", "9" * 10_000, ""])
def test_an_answer_that_is_no_setting_is_never_put_back(answer):
    phone = Phone(answer)
    phone._svc = False
    with device(phone).hold(Conditions()) as applied:
        assert (applied.screen_on, list(applied.refused)) == (False, ["screen_on"])
    assert not [words for words in phone.calls if words[:2] in (["settings", "put"], ["svc", "power"])]


def test_a_note_that_is_deleted_during_the_run_does_not_leave_the_phone_changed():
    """If somebody deletes our folder, the next run notes the state that the owner of the phone chose."""
    phone = Phone(stay_on="3")
    with device(phone).hold(Conditions(fixed_performance=True)):
        assert (phone.stay_on, phone.fixed_performance) == ("15", True)
        phone.files.clear()
    assert (phone.stay_on, phone.fixed_performance) == ("3", False)
    assert device(phone).conditions.restore() is False
