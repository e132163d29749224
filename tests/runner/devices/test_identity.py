"""Tests of telling devices apart: alone, together, in turn, under other addresses, and after a reset."""

import hashlib

import pytest

from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.devices import identity
from runner.devices.choice import Choice, choose_devices
from tests.runner.devices.test_choice import CHEAP, Attached, attach  # noqa: F401

A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.fixture
def space(tmp_path):
    space = Workspace(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "salt").write_text("salt")
    return space


@pytest.fixture
def attached(attach, space):  # noqa: F811
    """Return a function that attaches devices and returns the slug and the doubt of each, in the same order."""

    def start(*devices, measure=False):
        attach(*devices)
        messages = []
        chosen = choose_devices(Choice(every=True), space, messages.append)
        doubts = [device.identity.doubt for device in chosen]
        assert messages == [
            f"{device.connection.serial}: {doubt}." for device, doubt in zip(chosen, doubts, strict=True) if doubt
        ]
        for device in chosen:
            assert device.properties()["identity_doubt"] == device.identity.doubt
            if measure:
                folder = space.raw / device.slug / f"run-{len(list(space.raw.glob('*/*')))}"
                folder.mkdir(parents=True)
                rawlog.write_json(folder / "device.json", device.properties(), rawlog.DEVICE_FIELDS)
        return [(device.slug, device.identity.doubt) for device in chosen]

    return start


def named(text):
    return f"xiaomi-redmi-k20-pro-{hashlib.sha256(f'salt:{text}'.encode()).hexdigest()[:8]}"


@pytest.mark.parametrize("system_id", ["", A])
def test_a_phone_with_a_serial_number_of_its_own_is_named_by_it_alone(attached, system_id):
    phone = Attached("R58M12ABCDE", hardware_serial="R58M12ABCDE", system_id=system_id)
    assert attached(phone) == [(named("R58M12ABCDE"), None)]
    phone.serial = "192.168.0.7:5555"
    assert attached(phone) == [(named("R58M12ABCDE"), None)]


def test_phones_with_one_dummy_serial_keep_their_names_alone_together_and_in_turn(attached):
    phone, other_phone = Attached("usb:1-1", system_id=A), Attached("usb:1-2", system_id=B)
    [first], [second] = attached(phone), attached(other_phone)
    assert first == (named(f"{CHEAP} of {A}"), identity.PLACEHOLDER)
    assert second == (named(f"{CHEAP} of {B}"), identity.PLACEHOLDER)
    assert attached(phone, other_phone) == [first, second]
    phone.serial, other_phone.serial = "192.168.0.7:5555", "usb:1-1"
    assert attached(other_phone, phone) == [second, first]


@pytest.mark.parametrize("serial", ["", "unknown"])
def test_a_phone_without_a_serial_number_is_the_same_under_each_address(attached, serial):
    first = attached(Attached("192.168.0.7:5555", hardware_serial=serial, system_id=A))
    assert attached(Attached("192.168.0.8:5555", hardware_serial=serial, system_id=A)) == first
    assert first == [(named(f" of {A}"), identity.PLACEHOLDER)]
    other = attached(Attached("192.168.0.7:5555", hardware_serial=serial, system_id=B))
    assert other != first


def test_what_is_known_only_by_its_address_is_doubtful(attached):
    [(slug, doubt)] = attached(Attached("192.168.0.7:5555", hardware_serial=""))
    assert (slug, doubt) == (named("192.168.0.7:5555"), identity.BY_ADDRESS)
    [(slug, doubt)] = attached(Attached("192.168.0.7:5555"))
    assert (slug, doubt) == (named(f"{CHEAP} at 192.168.0.7:5555"), identity.BY_ADDRESS)


def test_boards_with_one_copied_system_are_not_taken_for_one(attached):
    board, copy = (Attached(serial, hardware_serial="", system_id=A) for serial in ("usb:1-1", "usb:1-2"))
    assert attached(board, copy) == [(named("usb:1-1"), identity.BY_ADDRESS), (named("usb:1-2"), identity.BY_ADDRESS)]


def test_a_reset_leaves_the_name_and_is_a_doubt(attached):
    phone = Attached("R58M12ABCDE", hardware_serial="R58M12ABCDE", system_id=A)
    [(before, doubt)] = attached(phone, measure=True)
    phone.system_id = B
    assert doubt is None and attached(phone) == [(before, identity.CHANGED)]


def test_a_serial_number_that_turns_out_to_be_shared_is_no_longer_taken_alone(attached):
    """The serial number has no pattern that shows that the makers put the same one into all their phones."""
    phone_a, phone_b, phone_c = (
        Attached(f"usb:1-{system_id[0]}", "device", "MAKER7", system_id=system_id) for system_id in (A, B, C)
    )
    [(first, doubt)] = attached(phone_a, measure=True)
    assert (first, doubt) == (named("MAKER7"), None)
    second = named(f"MAKER7 of {B}")
    assert attached(phone_a, phone_b, measure=True) == [(first, identity.SHARED), (second, identity.SHARED)]
    assert attached(phone_b, measure=True) == [(second, identity.SHARED)]
    assert attached(phone_a) == [(first, identity.SHARED)]
    assert attached(phone_c) == [(named(f"MAKER7 of {C}"), identity.SHARED)]


def test_an_unreadable_record_of_an_earlier_run_is_passed_over(attached, space):
    phone = Attached("R58M12ABCDE", hardware_serial="R58M12ABCDE", system_id=A)
    [(slug, _)] = attached(phone, measure=True)
    for name, text in (("run-1", "{"), ("run-2", "[]")):
        (space.raw / slug / name).mkdir()
        (space.raw / slug / name / "device.json").write_text(text)
    phone.system_id = B
    assert attached(phone) == [(slug, identity.CHANGED)]


@pytest.mark.parametrize("serial", [CHEAP, "1234567890", "123456789ABCDEF", "00000000", "20080411", "EMULATOR36X1X9X0"])
def test_numbers_that_makers_put_into_every_device_are_placeholders(serial):
    assert identity.is_placeholder(serial)


@pytest.mark.parametrize("serial", ["9f1c2d3e", "R58M12ABCDE", "HT7A1B2C3D", "2", "12", "10000000abcdef01"])
def test_numbers_of_one_device_are_not(serial):
    assert not identity.is_placeholder(serial)
