import platform

from runner import rawlog
from runner.devices.local import LocalDevice


def test_properties_are_of_the_format_and_list_what_is_not_offered(tmp_path):
    facts = LocalDevice(tmp_path, "salt").properties()
    rawlog.check(facts, rawlog.DEVICE_FIELDS, "device.json")
    assert facts["abi"] == platform.machine()
    assert facts["not_offered"] == sorted(name for name in rawlog.DEVICE_FIELDS if facts[name] is None)
    assert 0.1 < facts["ram_gb"] < 10_000


def test_the_serial_is_hashed_with_the_workspaces_salt(tmp_path):
    one, same, other = (LocalDevice(tmp_path, salt).properties()["serial_sha256"] for salt in ("a", "a", "b"))
    assert one == same
    assert one is None or (len(one) == 64 and one != other)


def test_pushed_files_are_there_and_follow_their_source(tmp_path):
    source = tmp_path / "model.bin"
    source.write_text("one")
    device = LocalDevice(tmp_path / "device", "salt")
    for text in ("one", "two"):
        source.write_text(text)
        folder = device.push({"sub/m.bin": source}, "models")
        assert (tmp_path / "device" / "models" / "sub" / "m.bin").read_text() == text
    assert folder == str(tmp_path / "device" / "models")
