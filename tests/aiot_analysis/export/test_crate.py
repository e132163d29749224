"""Tests of crates, from raw logs to the verdict of `aiot reproduce`."""

import hashlib
import json
import stat
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from runner import rawlog
from tests import rawlogs
from tests.aiot_analysis.export.conftest import MNASNET, RESNET, SERIAL, add_run
from tests.command import aiot, refused
from tests.sharing import built_once

METADATA = "ro-crate-metadata.json"
RUN = f"data/raw/local/{rawlogs.RUN}"
LOG = f"{RUN}/{MNASNET}.1.jsonl"


def export(workspace, target, *words):
    done = aiot("export", "crate", target, *words, cwd=workspace)
    assert done.returncode == 0, done.stderr
    return done


def members(crate):
    with zipfile.ZipFile(crate) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, files):
    """Write a zip file with these contents, by name or by entry."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def graph(files):
    return {entity["@id"]: entity for entity in json.loads(files[METADATA])["@graph"]}


def with_metadata(files, change):
    """Return the files with a change made to each entity of the metadata."""
    content = json.loads(files[METADATA])
    for entity in content["@graph"]:
        change(entity)
    return {**files, METADATA: json.dumps(content).encode()}


def forged(files, name, content):
    """Return the files with another content of one of them, and a matching checksum."""

    def change(entity):
        if entity["@id"] == name:
            entity["sha256"] = hashlib.sha256(content).hexdigest()

    return with_metadata({**files, name: content}, change)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the files of a crate without pages for the device in `measured`."""

    def build(folder):
        run = add_run(folder / "data" / "raw", {MNASNET: [6, 8, 10], RESNET: [26, 46]})
        (run / "native").mkdir()
        (run / "native" / "größe 100%20.txt").write_text("output of a tool")
        (folder / "data" / "salt").write_text("secret salt")
        export(folder, "e.zip", "--pages", "none")

    return members(built_once(tmp_path_factory, "small_crate", build) / "e.zip")


def unreadable(crate, *words):
    """Return the sentence of `aiot reproduce` about a crate that it cannot read."""
    done = aiot("reproduce", crate, "--out", Path(crate).with_name("out"), *words, cwd=Path(crate).parent)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("aiot: ")
    assert not Path(crate).with_name("out").exists()  # nothing was written
    return line


def test_a_crate_with_a_page_is_reproduced_and_a_changed_time_is_named(fleet, tmp_path):
    words = ("--raw", fleet / "data" / "raw", "--origin", "simulated", "--pages", "05", "-p", "order", "value")
    export(tmp_path, "e.zip", *words, "--jobs", 1)
    (tmp_path / "empty").mkdir()
    done = aiot("reproduce", tmp_path / "e.zip", "--jobs", 1, cwd=tmp_path / "empty")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("simulated: everything is equal")
    assert "equal       reports/figures/nnapi_speed_ups.csv: 12 rows of 10 columns" in done.stdout
    assert list((tmp_path / "empty").iterdir()) == []

    content = members(tmp_path / "e.zip")
    assert json.loads(content["aiotbench.json"])["pages"]["05_nnapi"]["parameters"] == {
        "origin": "simulated",
        "order": "value",
    }
    name = next(name for name in content if name.endswith("tflite_nnapi_float32_mnasnet.1.jsonl"))
    lines = content[name].splitlines()
    position = next(number for number, line in enumerate(lines) if json.loads(line)["event"] == "image")
    event = json.loads(lines[position])
    before_ms = event["inference_ns"] / 1e6
    event["inference_ns"] += 5_000_000
    lines[position] = json.dumps(event).encode()
    changed = packed(tmp_path / "forged.zip", forged(content, name, b"\n".join(lines) + b"\n"))
    done = aiot("reproduce", changed, "--json", "--jobs", 1, cwd=tmp_path)
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert not result["equal"]
    device, run = name.split("/")[2:4]
    [images] = [table for table in result["tables"] if table["name"].endswith(f"{device}/{run}.parquet")]
    assert images["different"] == 2  # the inference, and its sum with the other phases
    cell = next(cell for cell in images["first"] if cell["column"] == "inference_ms")
    assert f"{run}, {device}, tflite_nnapi_float32_mnasnet, 0" in cell["row"]
    assert float(cell["crate"]) == pytest.approx(before_ms)
    assert float(cell["here"]) == pytest.approx(before_ms + 5)
    [speed_ups] = [page for page in result["pages"] if page["name"] == "reports/figures/nnapi_speed_ups.csv"]
    assert speed_ups["different"] > 0


def test_a_changed_time_without_pages_is_named_in_words(files, tmp_path):
    lines = [json.loads(line) for line in files[LOG].splitlines()]
    next(line for line in lines if line.get("query") == 1)["inference_ns"] = 9_000_000
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    done = aiot("reproduce", packed(tmp_path / "e.zip", forged(files, LOG, content)), cwd=tmp_path)
    assert done.returncode == 1
    row = f"row 2, {rawlogs.RUN}, local, {MNASNET}, 1"
    assert f"inference_ms in {row}: 8.0 in the crate, 9.0 here" in done.stdout
    assert f"end_to_end_ms in {row}: 12.0 in the crate, 13.0 here" in done.stdout
    assert done.stdout.splitlines()[-1] == "reproduce 8 tables, measured: 2 differ"


def test_each_file_is_listed_with_its_checksum_and_nothing_else_is_included(files):
    entities = graph(files)
    listed = {unquote(name): entity for name, entity in entities.items() if entity["@type"] == "File"}
    assert set(listed) == set(files) - {METADATA}
    assert f"{RUN}/native/größe 100%20.txt" in listed
    for name, entity in listed.items():
        assert entity["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert entity["contentSize"] == str(len(files[name]))
    assert {LOG, f"{RUN}/run.json", f"{RUN}/device.json", "data/processed/instances.parquet"} < set(listed)
    assert f"data/processed/images/local/{rawlogs.RUN}.parquet" in listed


def test_metadata_conform_and_state_versions(files):
    entities = graph(files)
    assert entities[METADATA]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert entities["./"]["license"] == "None is stated: ask the author before using these data."
    assert "author" not in entities["./"]
    assert entities["#aiotbench"]["version"] == json.loads(files["aiotbench.json"])["aiotbench"]
    assert "pandas==" in files["environment.txt"].decode()


def test_licence_and_authors_are_those_stated(measured):
    authors = ("--author", "Jane Doe (0000-0002-1825-0097)", "--author", "José Pérez")
    export(measured, "e.zip", "--pages", "none", "--license", "CC-BY-4.0", *authors, "--name", "Two networks")
    entities = graph(members(measured / "e.zip"))
    assert entities["./"]["name"] == "Two networks"
    assert entities["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert entities["https://spdx.org/licenses/CC-BY-4.0"]["name"] == "CC-BY-4.0"
    assert [entities[author["@id"]]["name"] for author in entities["./"]["author"]] == ["Jane Doe", "José Pérez"]
    assert "https://orcid.org/0000-0002-1825-0097" in entities


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--license", "free for all"), "'free for all' is not an SPDX identifier"),
        (("--author", "Jane (12)"), "'Jane (12)' is not an author"),
        (("--run", "1999"), "no run '1999'"),
        (("--device", "pixel"), "pixel"),
        (("--origin", "imported"), "no imported data (it has measured)"),
        (("--pages", "99"), "no notebook '99'"),
        (("-p", "processed", "elsewhere"), "parameter processed cannot be set"),
        (("--raw", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(measured, words, message):
    assert message in refused(aiot("export", "crate", "e.zip", *words, cwd=measured))
    assert {path.name for path in measured.iterdir()} == {"data"}


def test_only_chosen_runs_and_one_origin_are_included(tmp_path):
    raw = tmp_path / "data" / "raw"
    add_run(raw, {MNASNET: [6, 8]})
    add_run(raw, {MNASNET: [6, 8]}, "20260102T000000Z-bbbbbb")
    add_run(raw, {MNASNET: [6, 8]}, "20260103T000000Z-cccccc", "pixel")
    add_run(raw, {MNASNET: [6, 8]}, "20260104T000000Z-dddddd", "other", origin="imported")

    def runs(target, *words):
        export(tmp_path, target, "--pages", "none", *words)
        return {name.split("/")[3] for name in members(tmp_path / target) if name.startswith("data/raw/")}

    assert runs("a.zip") == {rawlogs.RUN, "20260102T000000Z-bbbbbb", "20260103T000000Z-cccccc"}
    assert runs("b.zip", "--device", "pixel") == {"20260103T000000Z-cccccc"}
    assert runs("c.zip", "--run", "20260102") == {"20260102T000000Z-bbbbbb"}
    assert runs("d.zip", "--origin", "imported") == {"20260104T000000Z-dddddd"}


def test_there_are_no_secrets_and_no_folders_of_this_machine(tmp_path):
    folder = add_run(tmp_path / "data" / "raw", {MNASNET: [6, 8]})
    (tmp_path / "data" / "salt").write_text("secret salt")
    (folder / "link").symlink_to(tmp_path / "data" / "salt")
    device = json.loads((folder / "device.json").read_text())
    device |= {"serial": SERIAL, "serial_sha256": "5" * 64}
    rawlog.write_json(folder / "device.json", device, rawlog.DEVICE_FIELDS)
    (folder / "broken.2.jsonl").write_text("{")  # becomes a row of left_out, which contains paths
    done = export(tmp_path, "e.zip", "--pages", "01", "--jobs", 1)
    assert f"the serial number of local was removed from run {rawlogs.RUN}" in done.stderr
    content = members(tmp_path / "e.zip")
    for secret in (SERIAL, "secret salt", str(tmp_path), str(Path.home())):
        assert [name for name, data in content.items() if secret.encode() in data] == []
    assert json.loads(content[f"{RUN}/device.json"])["serial_sha256"] == "5" * 64
    assert not [name for name in content if "salt" in name or name.endswith("link")]


def test_a_serial_number_elsewhere_is_refused(tmp_path):
    folder = add_run(tmp_path / "data" / "raw", {MNASNET: [6, 8]})
    device = json.loads((folder / "device.json").read_text())
    rawlog.write_json(folder / "device.json", {**device, "serial": SERIAL}, rawlog.DEVICE_FIELDS)
    (folder / "native").mkdir()
    (folder / "native" / "log.txt").write_text(f"device {SERIAL}")
    message = refused(aiot("export", "crate", "e.zip", "--pages", "none", cwd=tmp_path))
    assert "native/log.txt contains the serial number" in message


def test_a_folder_is_a_crate_too_and_is_a_workspace(measured):
    export(measured, "evidence", "--pages", "none")
    done = aiot("reproduce", "evidence", "--out", "out", cwd=measured)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "reproduce 8 tables, measured: everything is equal")
    assert (measured / "out" / "again" / "data" / "processed" / "instances.parquet").exists()
    assert aiot("plan", cwd=measured / "evidence").returncode == 0
    assert "is not empty" in refused(aiot("reproduce", "evidence", "--out", "out", cwd=measured))


def test_a_reader_needs_no_extra(files, tmp_path, monkeypatch):
    for name in ["rocrate", *(name for name in sys.modules if name.startswith("rocrate."))]:
        monkeypatch.setitem(sys.modules, name, None)
    crate = packed(tmp_path / "e.zip", files)
    assert aiot("reproduce", crate, cwd=tmp_path).returncode == 0
    message = refused(aiot("export", "crate", tmp_path / "f.zip", "--raw", tmp_path, cwd=tmp_path))
    assert "pip install 'aiotbench[share]'" in message


def test_text_of_a_crate_cannot_steer_the_terminal(files, tmp_path):
    environment = files["environment.txt"] + b"bad\x1b[2J==1\n"
    done = aiot("reproduce", packed(tmp_path / "e.zip", forged(files, "environment.txt", environment)), cwd=tmp_path)
    assert "reproduce bad�[2J: 1 in the crate, not installed here" in done.stderr.splitlines()


def test_versions_that_differ_are_named(files, tmp_path):
    settings = json.loads(files["aiotbench.json"])
    settings |= {"aiotbench": "0.0.9", "code": "0" * 64}
    content = forged(files, "aiotbench.json", json.dumps(settings).encode())
    environment = files["environment.txt"].replace(b"pandas==", b"pandas==9.", 1) + b"no-such-package==1.0\n"
    done = aiot("reproduce", packed(tmp_path / "e.zip", forged(content, "environment.txt", environment)), cwd=tmp_path)
    assert done.returncode == 0  # the results do not change
    lines = done.stderr.splitlines()
    assert lines[0].startswith("reproduce code of aiot_analysis: 000000000000 in the crate, ")
    assert lines[1].startswith("reproduce aiotbench: 0.0.9 in the crate, ")
    assert lines[2].startswith("reproduce pandas: 9.")
    assert lines[3] == "reproduce no-such-package: 1.0 in the crate, not installed here"


def test_a_page_that_this_version_lacks_or_that_names_a_folder_is_not_reproduced(files, tmp_path):
    settings = json.loads(files["aiotbench.json"])
    settings["pages"] = {
        "77_other": {"parameters": {}},
        "05_nnapi": {"parameters": {"processed": "/etc"}},
    }
    content = forged(files, "aiotbench.json", json.dumps(settings).encode())
    done = aiot("reproduce", packed(tmp_path / "e.zip", content), cwd=tmp_path)
    assert done.returncode == 1
    assert "failed      77_other: this version has no such page" in done.stdout
    assert "failed      05_nnapi: its parameters name a folder" in done.stdout
    assert done.stdout.splitlines()[-1] == "reproduce 8 tables, measured: 0 differ, 2 pages failed"


def test_what_is_no_crate_is_refused(files, tmp_path):
    other = tmp_path / "e.zip"
    other.write_text("no zip")
    assert "is not a zip file" in unreadable(other)
    assert "There is no crate" in unreadable(tmp_path / "missing.zip")
    assert f"has no {METADATA}" in unreadable(packed(other, {"a.txt": b""}))
    assert "is not JSON" in unreadable(packed(other, {**files, METADATA: files[METADATA][:-20]}))
    assert "is not a JSON object" in unreadable(packed(other, {**files, METADATA: b"[]"}))
    assert "has no list @graph" in unreadable(packed(other, {**files, METADATA: b"{}"}))
    assert "is not JSON" in unreadable(packed(other, {**files, METADATA: b"[" * 100_000}))


def test_a_changed_byte_is_named(files, tmp_path):
    content = files[LOG].replace(b'"inference_ns":8000000', b'"inference_ns":8000001')
    assert content != files[LOG]
    message = unreadable(packed(tmp_path / "e.zip", {**files, LOG: content}))
    assert f"{LOG} has changed since the crate was made" in message


def test_a_changed_byte_of_the_zip_file_is_named(files, tmp_path):
    crate = packed(tmp_path / "e.zip", files)
    data = crate.read_bytes()
    crate.write_bytes(data.replace(b'"inference_ns":8000000', b'"inference_ns":8000001', 1))
    assert f"{LOG} cannot be read (Bad CRC-32" in unreadable(crate)
    crate.write_bytes(data[: len(data) // 2])
    assert "is not a zip file" in unreadable(crate)


def test_a_missing_file_and_one_too_many_are_named(files, tmp_path):
    crate = tmp_path / "e.zip"
    fewer = {name: data for name, data in files.items() if name != LOG}
    assert f"lacks {LOG}, which its metadata list" in unreadable(packed(crate, fewer))
    more = {**files, "data/raw/extra.txt": b""}
    assert "has a file that its metadata do not list, data/raw/extra.txt" in unreadable(packed(crate, more))


@pytest.mark.parametrize("name", ["../x", "data/../../x", "/etc/x", "C:/x", "..\\x", "a\x01b"])
def test_a_path_out_of_the_folder_is_refused(files, tmp_path, name):
    crate = packed(tmp_path / "e.zip", {**files, "marker": b"evil"})
    crate.write_bytes(crate.read_bytes().replace(b"marker", name.encode())) if len(name) == 6 else packed(
        crate, {**files, name: b"evil"}
    )
    assert "may lead out of the folder" in unreadable(crate)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path.parent / "x").exists()


def test_links_are_refused(files, tmp_path):
    link = zipfile.ZipInfo("data/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert "data/link is a link" in unreadable(packed(tmp_path / "e.zip", {**files, link: b"/etc/passwd"}))
    folder = tmp_path / "folder"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "data" / "link").symlink_to("/etc")
    assert "data/link is a link" in unreadable(folder)


def test_names_that_only_case_tells_apart_are_refused(files, tmp_path):
    assert "cannot tell apart" in unreadable(packed(tmp_path / "e.zip", {**files, LOG.upper(): b""}))


def test_a_zip_bomb_is_refused(files, tmp_path):
    crate = tmp_path / "e.zip"
    with zipfile.ZipFile(crate, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**files, "bomb": bytes(20_000_000)}.items():
            archive.writestr(name, data)
    assert crate.stat().st_size < 1_000_000
    assert "more than the limit of 0.01 GB" in unreadable(crate, "--limit", "0.01")


def test_unknown_versions_of_the_metadata_and_of_the_settings_are_named(files, tmp_path):
    def change(entity):
        if entity["@id"] == METADATA:
            entity["conformsTo"] = {"@id": "https://w3id.org/ro/crate/9.9"}

    crate = tmp_path / "e.zip"
    message = unreadable(packed(crate, with_metadata(files, change)))
    assert "conforms to https://w3id.org/ro/crate/9.9, which is unknown here" in message
    settings = {**json.loads(files["aiotbench.json"]), "format": 2}
    message = unreadable(packed(crate, forged(files, "aiotbench.json", json.dumps(settings).encode())))
    assert "format 2, which is unknown here" in message
    settings = {**settings, "format": 1, "pages": ["05_nnapi"]}
    message = unreadable(packed(crate, forged(files, "aiotbench.json", json.dumps(settings).encode())))
    assert "does not list the pages" in message


def test_a_crate_without_readable_raw_logs_cannot_be_reproduced(files, tmp_path):
    done = aiot("reproduce", packed(tmp_path / "e.zip", forged(files, f"{RUN}/run.json", b"{}")), cwd=tmp_path)
    assert done.returncode == 2
    assert "has no raw logs that this version can read" in done.stderr
