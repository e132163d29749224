"""Real devices that say what they should not: answers, logs and folders that hold what a shell would act on."""

import json
import re
import subprocess
import sys

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import data
from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.devices.adb import Connection
from runner.devices.choice import Choice, choose_devices
from runner.devices.remote import LINE_LIMIT_BYTES
from runner.errors import DeviceError
from tests.e2e.test_run import (
    IMAGES,
    attempts,
    check,
    finished,
    gone_on_with,
    in_the_middle,
    run,
    running,
    until,
)
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e
HOSTILE = {
    "shell": "$(touch /data/local/tmp/pwned)`touch /data/local/tmp/pwned`;touch /data/local/tmp/pwned #'\"\\ && reboot",
    "path": "../../../../pwned/..\\x00/.",
    "terminal": "\33[31mred\33]0;title\7\r\b\u202eevil\u2066\u200b [bold]markup[/] :smile:",
    "lines": "one\ntwo]\n[ro.serialno]: [forged]\n@aiot-section end\nthree",
    "words": "Überföhn 小米 \u200fעברית",
    "page": "<script>alert('x')</script>&amp;<img src=x onerror=alert(1)>",
    "formula": '=HYPERLINK("x")\t$\\frac{1}{0}$ {0} %s %n',
    "large": "x'" * 5120,
    "no_text": b"\xff\xfe\x80 it",
}
FOLDER = '/data/local/tmp/it\'s `my` "folder"; $(id) Ü, 小'
CHEAP = "0123456789ABCDEF"
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")


@pytest.fixture
def space(workspace):  # noqa: F811
    return workspace


def aiot(space, *words):
    command = [sys.executable, "-m", "aiot", *words, "--workspace", str(space.root)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)


def hold(phone, value):
    """Makes a phone say this value wherever it can."""
    for name in ("manufacturer", "brand", "model", "marketname", "device", "cpu.abi"):
        phone.answers.set_property(f"ro.product.{name}", value)
    for name in ("ro.serialno", "ro.board.platform", "ro.hardware", "ro.build.version.release"):
        phone.answers.set_property(name, value)
    for service in ("battery", "thermalservice", "power", "window"):
        phone.answers.set_service(service, value)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_device_is_listed_and_named_by_words_that_do_nothing(tmp_path, phones, value):
    (phone,) = phones(1)
    hold(phone, value)
    space = Workspace(tmp_path)
    listed = aiot(space, "devices")
    assert (listed.returncode, listed.stderr) == (0, "")
    checked = aiot(space, "doctor")
    assert checked.stdout and "Traceback" not in checked.stderr
    for text in (listed.stdout, checked.stdout, checked.stderr):
        assert all(line.isprintable() for line in text.splitlines()), "a terminal would act on it"
    assert listed.stdout.count("\n") == 2, "a device is a line"
    rows = aiot(space, "devices", "--json").stdout
    [row] = json.loads(rows)
    assert rows.isascii() and (row["serial"], row["state"]) == (phone.serial, "device")
    [device] = choose_devices(Choice(serials=[phone.serial]), space)
    assert SLUG.fullmatch(device.slug)
    properties = device.properties()
    rawlog.check(properties, rawlog.DEVICE_FIELDS, "device.json")
    assert all(len(one) <= 200 for one in properties.values() if isinstance(one, str))
    assert device.telemetry()["battery_percent"] is None
    assert sorted(path.name for path in (phone.storage / "local" / "tmp").iterdir()) == [], "nothing of it was run"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.slow
def test_a_run_on_a_hostile_device_stays_in_its_folder_and_goes_through_the_tables(space, phones, tmp_path):
    (phone,) = phones(1)
    hold(phone, HOSTILE["page"] + HOSTILE["path"] + HOSTILE["terminal"] + HOSTILE["shell"])
    done = run(space, "-s", phone.serial)
    assert done.returncode == 1, done.stderr
    assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())
    [folder] = rawlog.run_folders(space.raw)
    assert folder.parent.parent == space.raw
    ingest.process(space.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    [device] = tables.devices.to_dict("records")
    assert SLUG.fullmatch(device["device_id"]) and device["model"].isprintable()
    assert set(tables.instances["status"]) == {"unavailable"}, "it has no Python"


@pytest.mark.parametrize("old", [False, True], ids=["shell_v2", "old_shell"])
def test_endless_output_of_a_device_is_stopped(tmp_path, phones, proxied, old):
    (phone,) = phones(1)
    phone.answers.set_property("ro.product.model", "x" * (20 << 20))
    serial = proxied(phone, shell_v2=False).serial if old else phone.serial
    with pytest.raises(
        DeviceError, match=r"The command `.*` does not finish on the device .*: it has sent \d+ bytes\."
    ):
        choose_devices(Choice(serials=[serial]), Workspace(tmp_path))
    phone.answers.set_property("ro.product.model", "Mate")
    [device] = choose_devices(Choice(serials=[serial]), Workspace(tmp_path))
    assert device.facts.model == "Mate", "and it can be asked again"


@pytest.mark.slow
def test_a_log_with_an_endless_line_is_refused_and_its_attempt_failed(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        [log] = [
            path for path in phone.storage.glob("local/tmp/aiot/runs/*/*.jsonl") if b'"image"' in path.read_bytes()
        ]
        with log.open("ab") as file:
            file.write(b"x" * 3 * LINE_LIMIT_BYTES)  # the agent goes on at its own place, and overwrites a part
        code, said = finished(process)
    assert code == 1, said
    assert f"has a line over {LINE_LIMIT_BYTES} bytes and was not copied." in " ".join(said.split())
    [failed] = [path for path in attempts(space) if rawlog.read_attempt(path).status == "failed"]
    assert failed.stat().st_size < 1000 and not list(space.raw.rglob("*.part"))
    assert list(phone.storage.glob("local/tmp/aiot/runs/*/*")) == []
    gone_on_with(space, "-s", phone.serial)
    check(space, {**before, failed: attempts(space)[failed]})


@pytest.mark.slow
def test_a_folder_of_any_name_serves_for_run_resume_and_clean(space, phones, adb_server):
    (phone,) = phones(1, board=True)
    there = phone.storage / FOLDER.removeprefix("/data/")
    words = ("-s", phone.serial, "--device-folder", FOLDER)
    with running(space, *words) as process:
        until(lambda: any(b'"image"' in log.read_bytes() for log in there.glob("runs/*/*.jsonl")), "measuring")
        before = attempts(space)
        process.kill()
        process.wait()
    gone_on_with(space, *words)
    check(space, before)
    assert len(list(there.glob("images-*/*.jpg"))) == IMAGES
    cleaned = aiot(space, "clean", *words)
    assert cleaned.returncode == 0, cleaned.stderr
    assert list((phone.storage / "local" / "tmp").iterdir()) == []


def test_two_phones_with_one_serial_number_are_two_devices(tmp_path, phones):
    one, two = phones(2, paper_ids=(1,))
    for phone in (one, two):
        phone.answers.set_property("ro.serialno", CHEAP)
    devices = choose_devices(Choice(every=True), Workspace(tmp_path))
    assert len({device.slug for device in devices}) == 2
    assert [device.slug for device in choose_devices(Choice(every=True), Workspace(tmp_path))] == [
        device.slug for device in devices
    ]
    assert len({device.properties()["serial_sha256"] for device in devices}) == 1


@pytest.mark.parametrize("serial", [CHEAP, ""], ids=["dummy", "none"])
def test_phones_without_a_serial_number_of_their_own_keep_their_names(tmp_path, phones, proxied, serial):
    two = phones(2, paper_ids=(1, 1))
    space = Workspace(tmp_path)
    for phone in two:
        phone.answers.set_property("ro.serialno", serial)
        phone.answers.set_property("ro.boot.serialno", serial)

    def slugs(*addresses):
        return [device.slug for device in choose_devices(Choice(serials=addresses), space)]

    together = slugs(two[0].serial, two[1].serial)
    assert len(set(together)) == 2
    assert [slugs(phone.serial) for phone in two] == [[together[0]], [together[1]]], "alone, one after the other"
    two[0].reboot()
    assert slugs(proxied(two[0]).serial) == [together[0]], "under another address, after another start"
    two[1].answers.reset()
    assert slugs(two[1].serial) != [together[1]], "as the doubt says"


def test_one_phone_by_two_ways_is_one_device(tmp_path, phones, proxied):
    (phone,) = phones(1)
    proxy = proxied(phone)
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    assert device.connection.serial in (phone.serial, proxy.serial)
    with pytest.raises(DeviceError, match=r"are the same device \(same serial number and boot\): choose one of them"):
        choose_devices(Choice(serials=[phone.serial, proxy.serial]), Workspace(tmp_path))


def test_an_unauthorized_phone_is_reported_and_skipped(tmp_path, phones, proxied, adb_server):
    (phone,) = phones(1)
    shut = proxied(phone, authorized=False).serial
    until(lambda: {one.serial: one.state for one in adb_server.client().list()}[shut] == "unauthorized", "asking")
    with pytest.raises(DeviceError, match=f"The device {shut} is unauthorized: run `aiot doctor -s {shut}` for advice"):
        choose_devices(Choice(serials=[shut]), Workspace(tmp_path))
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    assert device.connection.serial == phone.serial


def test_a_push_onto_a_full_storage_is_said_at_once(tmp_path, phones):
    (phone,) = phones(1, storage_mb=8)
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    (tmp_path / "model").write_bytes(bytes(3 << 20))
    phone.fill_storage(free_bytes=1 << 20)
    with pytest.raises(DeviceError, match=r"does not accept .*/it/model: check its free storage") as raised:
        device.push({"model": tmp_path / "model"}, "it")
    assert type(raised.value) is DeviceError, "it is there: waiting for it would not help"
    phone.free_storage()
    device.push({"model": tmp_path / "model"}, "it")


def test_images_of_any_name_arrive_once_by_androids_own_tools(tmp_path, phones):
    (phone,) = phones(1)
    names = ["-rf", "two words.jpg", "back\\slash", "new\nline", "it's.jpg", '"$(id)"', "`id`;id", "Ü 小米", "* ?"]
    for number, name in enumerate(names):
        (tmp_path / str(number)).write_bytes(name.encode())
    files = {name: tmp_path / str(number) for number, name in enumerate(names)}
    times = []
    for _ in range(2):
        [device] = choose_devices(Choice(serials=[phone.serial], folder=FOLDER), Workspace(tmp_path))
        place = phone.storage / device.push(files, "images").removeprefix("/data/")
        times.append({name: (place / name).stat().st_mtime_ns for name in names})
        assert {name: (place / name).read_bytes() for name in names} == {name: name.encode() for name in names}
    assert times[0] == times[1], "a second push sends nothing"
    assert device.clean()


@pytest.mark.parametrize("shell_v2", [True, False])
def test_many_files_arrive_as_archives_and_one_by_one_where_the_device_takes_none(
    tmp_path, phones, proxied, monkeypatch, shell_v2
):
    (phone,) = phones(1)
    serial = phone.serial if shell_v2 else proxied(phone, shell_v2=False).serial
    one_by_one = []
    push = Connection.push
    monkeypatch.setattr(
        Connection, "push", lambda self, *words, **more: (one_by_one.append(words[1]), push(self, *words, **more))
    )
    names = [
        f"{number % 3}/{number:03} it's.jpg" if number % 7 == 0 else f"{number % 3}/{number:03}" for number in range(60)
    ]
    for number, name in enumerate(names):
        (tmp_path / str(number)).write_bytes(name.encode() * (number * 97))
    files = {name: tmp_path / str(number) for number, name in enumerate(names)}
    [device] = choose_devices(Choice(serials=[serial], folder=FOLDER), Workspace(tmp_path))
    place = phone.storage / device.push(files, "images", executable=True).removeprefix("/data/")
    for name in names:
        assert (place / name).read_bytes() == files[name].read_bytes()
        assert (place / name).stat().st_mode & 0o755 == 0o755  # adbd gives all users the rights of the owner
    assert {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()} == {
        *names,
        ".pushed.json",
    }
    sent = [name for name in one_by_one if not name.endswith(".pushed.json")]
    assert len(sent) == (sum(" " in name for name in names) if shell_v2 else len(names))
    one_by_one.clear()
    [device] = choose_devices(Choice(serials=[serial], folder=FOLDER), Workspace(tmp_path))
    device.push(files, "images")
    assert one_by_one == [], "a second push sends nothing"


def test_many_files_onto_a_full_storage_are_said_at_once(tmp_path, phones):
    (phone,) = phones(1, storage_mb=8)
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    files = {f"{number}.jpg": tmp_path / f"{number}.jpg" for number in range(30)}
    for path in files.values():
        path.write_bytes(bytes(100_000))
    phone.fill_storage(free_bytes=1 << 20)
    with pytest.raises(DeviceError, match=r"does not accept .*\.jpg: check its free storage"):
        device.push(files, "it")
    phone.free_storage()
    place = phone.storage / device.push(files, "it").removeprefix("/data/")
    assert all((place / name).read_bytes() == bytes(100_000) for name in files)


@pytest.mark.slow
@pytest.mark.e2e_all
def test_a_page_shows_a_hostile_name_and_runs_nothing_of_it(space, phones):
    (phone,) = phones(1)
    hold(phone, HOSTILE["page"] + HOSTILE["formula"])
    assert run(space, "-s", phone.serial).returncode == 1  # without Python, nothing is measured, but it is recorded
    tables, out = space.root / "tables", space.root / "reports"
    ingest.process(space.raw, tables)
    command = [sys.executable, "-m", "aiot", "report", "01", "-p", "processed", str(tables), "--out", str(out)]
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200)
    assert made.returncode == 0, made.stderr
    pages = list(out.rglob("*.html"))
    assert any("alert(" in page.read_text(encoding="utf-8") for page in pages), "its name is shown"
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<img src=x" not in text, page
