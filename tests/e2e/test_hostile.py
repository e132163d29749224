"""Real devices with hostile answers, logs and folders, such as texts that a shell would execute."""

import json
import re

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import data
from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.devices.adb import Connection
from runner.devices.choice import Choice, choose_devices
from runner.devices.remote import LINE_LIMIT_BYTES
from runner.errors import DeviceError
from tests.e2e.runs import (
    IMAGES,
    LONG,
    aiot,
    background,
    check_logs,
    ended_attempts,
    failed_attempts,
    one_line,
    resume,
    run,
    run_in_progress,
    suite_words,
    wait_for_exit,
    wait_until,
)

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
DUMMY_SERIAL = "0123456789ABCDEF"  # of many cheap phones
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")


def aiot_in(workspace, *words):
    """Run `aiot` in a workspace."""
    return aiot(*words, "--workspace", str(workspace.root))


def set_all_answers(phone, value):
    """Make a phone answer with this value wherever it can."""
    for name in ("manufacturer", "brand", "model", "marketname", "device", "cpu.abi"):
        phone.answers.set_property(f"ro.product.{name}", value)
    for name in ("ro.serialno", "ro.board.platform", "ro.hardware", "ro.build.version.release"):
        phone.answers.set_property(name, value)
    for service in ("battery", "thermalservice", "power", "window"):
        phone.answers.set_service(service, value)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_device_is_listed_and_named_by_words_that_do_nothing(tmp_path, phones, value):
    (phone,) = phones(1)
    set_all_answers(phone, value)
    workspace = Workspace(tmp_path)
    listed = aiot_in(workspace, "devices")
    assert (listed.returncode, listed.stderr) == (0, "")
    checked = aiot_in(workspace, "doctor")
    assert checked.stdout and "Traceback" not in checked.stderr
    for text in (listed.stdout, checked.stdout, checked.stderr):
        assert all(line.isprintable() for line in text.splitlines()), "no character that a terminal would interpret"
    assert listed.stdout.count("\n") == 2, "the device takes one line below the heading"
    rows = aiot_in(workspace, "devices", "--json").stdout
    [row] = json.loads(rows)
    assert rows.isascii() and (row["serial"], row["state"]) == (phone.serial, "device")
    [device] = choose_devices(Choice(serials=[phone.serial]), workspace)
    assert SLUG.fullmatch(device.slug)
    properties = device.properties()
    rawlog.check(properties, rawlog.DEVICE_FIELDS, "device.json")
    assert all(len(text) <= 200 for text in properties.values() if isinstance(text, str))
    assert device.telemetry()["battery_percent"] is None
    assert sorted(path.name for path in (phone.storage / "local" / "tmp").iterdir()) == [], (
        "no part of the value was executed"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.slow
def test_a_run_on_a_hostile_device_stays_in_its_folder_and_goes_through_the_tables(workspace, phones, tmp_path):
    (phone,) = phones(1)
    set_all_answers(phone, HOSTILE["page"] + HOSTILE["path"] + HOSTILE["terminal"] + HOSTILE["shell"])
    done = run(workspace, "-s", phone.serial)
    assert done.returncode == 1, done.stderr
    assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())
    [folder] = rawlog.run_folders(workspace.raw)
    assert folder.parent.parent == workspace.raw
    ingest.process(workspace.raw, tmp_path / "tables")
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
    assert device.facts.model == "Mate", "the device can be queried again"


@pytest.mark.slow
def test_a_log_with_an_endless_line_is_refused_and_its_attempt_failed(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        [log] = [
            path for path in phone.storage.glob("local/tmp/aiot/runs/*/*.jsonl") if b'"image"' in path.read_bytes()
        ]
        with log.open("ab") as file:
            file.write(b"x" * 3 * LINE_LIMIT_BYTES)  # the agent continues at its own position, and overwrites a part
        code, output = wait_for_exit(process)
    assert code == 1, output
    assert f"has a line over {LINE_LIMIT_BYTES} bytes and was not copied." in one_line(output)
    [failed] = failed_attempts(workspace)
    assert failed.stat().st_size < 1000 and not list(workspace.raw.rglob("*.part"))
    assert list(phone.storage.glob("local/tmp/aiot/runs/*/*")) == []
    resume(workspace, "-s", phone.serial)
    check_logs(workspace, {**before, failed: ended_attempts(workspace)[failed]})


@pytest.mark.slow
def test_a_folder_of_any_name_serves_for_run_resume_and_clean(workspace, phones, adb_server):
    (phone,) = phones(1, board=True)
    folder = phone.storage / FOLDER.removeprefix("/data/")
    words = ("-s", phone.serial, "--device-folder", FOLDER)
    with background(*suite_words(workspace, *words, repeat=LONG)) as process:
        wait_until(lambda: any(b'"image"' in log.read_bytes() for log in folder.glob("runs/*/*.jsonl")), "measuring")
        before = ended_attempts(workspace)
        process.kill()
        process.wait()
    resume(workspace, *words)
    check_logs(workspace, before)
    assert len(list(folder.glob("images-*/*.jpg"))) == IMAGES
    cleaned = aiot_in(workspace, "clean", *words)
    assert cleaned.returncode == 0, cleaned.stderr
    assert list((phone.storage / "local" / "tmp").iterdir()) == []


def test_two_phones_with_one_serial_number_are_two_devices(tmp_path, phones):
    for phone in phones(2, paper_ids=(1,)):
        phone.answers.set_property("ro.serialno", DUMMY_SERIAL)
    devices = choose_devices(Choice(every=True), Workspace(tmp_path))
    assert len({device.slug for device in devices}) == 2
    assert [device.slug for device in choose_devices(Choice(every=True), Workspace(tmp_path))] == [
        device.slug for device in devices
    ]
    assert len({device.properties()["serial_sha256"] for device in devices}) == 1


@pytest.mark.parametrize("serial", [DUMMY_SERIAL, ""], ids=["dummy", "none"])
def test_phones_without_a_serial_number_of_their_own_keep_their_names(tmp_path, phones, proxied, serial):
    first, second = phones(2, paper_ids=(1, 1))
    workspace = Workspace(tmp_path)
    for phone in (first, second):
        phone.answers.set_property("ro.serialno", serial)
        phone.answers.set_property("ro.boot.serialno", serial)

    def slugs(*addresses):
        return [device.slug for device in choose_devices(Choice(serials=addresses), workspace)]

    names = slugs(first.serial, second.serial)
    assert len(set(names)) == 2
    assert [slugs(phone.serial) for phone in (first, second)] == [[names[0]], [names[1]]], "each phone alone"
    first.reboot()
    assert slugs(proxied(first).serial) == [names[0]], "with another address, after a restart"
    second.answers.reset()
    assert slugs(second.serial) != [names[1]], "after a factory reset, the name is a new one"


def test_one_phone_by_two_ways_is_one_device(tmp_path, phones, proxied):
    (phone,) = phones(1)
    proxy = proxied(phone)
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    assert device.connection.serial in (phone.serial, proxy.serial)
    with pytest.raises(DeviceError, match=r"are the same device \(same serial number and boot\): choose one of them"):
        choose_devices(Choice(serials=[phone.serial, proxy.serial]), Workspace(tmp_path))


def test_an_unauthorized_phone_is_reported_and_skipped(tmp_path, phones, proxied, adb_server):
    (phone,) = phones(1)
    serial = proxied(phone, authorized=False).serial
    wait_until(
        lambda: {device.serial: device.state for device in adb_server.client().list()}[serial] == "unauthorized",
        "the state `unauthorized`",
    )
    with pytest.raises(
        DeviceError, match=f"The device {serial} is unauthorized: run `aiot doctor -s {serial}` for advice"
    ):
        choose_devices(Choice(serials=[serial]), Workspace(tmp_path))
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    assert device.connection.serial == phone.serial


def test_a_push_onto_a_full_storage_is_said_at_once(tmp_path, phones):
    (phone,) = phones(1, storage_mb=8)
    [device] = choose_devices(Choice(every=True), Workspace(tmp_path))
    (tmp_path / "model").write_bytes(bytes(3 << 20))
    phone.fill_storage(free_bytes=1 << 20)
    with pytest.raises(DeviceError, match=r"does not accept .*/it/model: check its free storage") as raised:
        device.push({"model": tmp_path / "model"}, "it")
    assert type(raised.value) is DeviceError, "the phone is connected, so waiting would not help"
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
        pushed = phone.storage / device.push(files, "images").removeprefix("/data/")
        times.append({name: (pushed / name).stat().st_mtime_ns for name in names})
        assert {name: (pushed / name).read_bytes() for name in names} == {name: name.encode() for name in names}
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
    pushed = phone.storage / device.push(files, "images", executable=True).removeprefix("/data/")
    for name in names:
        assert (pushed / name).read_bytes() == files[name].read_bytes()
        assert (pushed / name).stat().st_mode & 0o755 == 0o755  # adbd gives all users the permissions of the owner
    assert {path.relative_to(pushed).as_posix() for path in pushed.rglob("*") if path.is_file()} == {
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
    pushed = phone.storage / device.push(files, "it").removeprefix("/data/")
    assert all((pushed / name).read_bytes() == bytes(100_000) for name in files)


@pytest.mark.slow
@pytest.mark.e2e_all
def test_a_page_shows_a_hostile_name_and_runs_nothing_of_it(workspace, phones):
    (phone,) = phones(1)
    set_all_answers(phone, HOSTILE["page"] + HOSTILE["formula"])
    done = run(workspace, "-s", phone.serial)
    assert done.returncode == 1  # without Python, nothing is measured, but the run is recorded
    tables, out = workspace.root / "tables", workspace.root / "reports"
    ingest.process(workspace.raw, tables)
    rendered = aiot("report", "01", "-p", "processed", str(tables), "--out", str(out), timeout_s=200)
    assert rendered.returncode == 0, rendered.stderr
    pages = list(out.rglob("*.html"))
    assert any("alert(" in page.read_text(encoding="utf-8") for page in pages), "the name is shown"
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<img src=x" not in text, page
