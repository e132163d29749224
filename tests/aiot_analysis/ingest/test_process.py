"""Tests of making tables from raw logs, and of the reasons for excluding files."""

import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aiot_analysis import ingest
from aiot_analysis.errors import DataError
from aiot_analysis.tables import data, storage
from runner import rawlog
from tests.examples import examples
from tests.rawlogs import LOAD, RUN, attempt, begin, end, failed_image, image, profile, unavailable

ONE = "tflite_cpu_float32_mobilenet_v2"
TWO = "pytorch_cpu_float32_mobilenet_v2"
GOOD = (LOAD, image(0, 6), image(1, 16), image(2, 26, right=False), image(3, 36), failed_image(4, 50), end())


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def processed(tmp_path):
    return tmp_path / "processed"


def only(name, processed):
    """Return the only row of a table."""
    frame = storage.read(name, processed)
    assert len(frame) == 1
    return frame.iloc[0]


def reasons(result):
    """Return the reason for each excluded file by its name."""
    by_name = {path.rpartition("/")[2]: reason for path, reason in result.left_out}
    assert len(by_name) == len(result.left_out)
    return by_name


def test_accuracy_and_times_of_a_run_are_what_the_hand_computes(raw, processed):
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    result = ingest.process(raw, processed)
    assert (result.runs, result.left_out) == (1, [])
    assert result.summary() == "1 run, 1 instance, 5 images, 0 excluded"
    row = only("instances", processed)
    assert (row["images"], row["failed_images"], row["correct"], row["accuracy"]) == (5, 1, 3, 0.6)
    end_to_end = [row[f"end_to_end_ms_{name}"] for name in ("mean", "median", "p90", "sd")]
    assert end_to_end == pytest.approx([30, 30, 46, 200**0.5])  # 10, 20, 30, 40, and 50 of the failed image
    inference = [row[f"inference_ms_{name}"] for name in ("mean", "median", "p90", "sd")]
    assert inference == pytest.approx([21, 21, 33, 125**0.5])  # of 6, 16, 26 and 36
    assert row["first_image_ms"] == pytest.approx(10)
    assert (row["load_ms"], row["peak_rss_mb"], row["model_mb"]) == (12.5, 123.456, 3.5)
    assert (row["status"], row["verdict"]) == ("end", "semi-valid")
    assert row["reasons"] == "5 of 500 images; failed images, counted as wrong: 1"
    assert (row["model"], row["framework"], row["delegate"], row["quantization"]) == (
        "mobilenet_v2",
        "tflite",
        "cpu",
        "float32",
    )
    assert (row["threads"], row["position"], row["attempt"], row["attempts"]) == (2, 0, 1, 1)
    assert (row["weights"], row["model_sha256"], row["framework_version"]) == (
        "sample",
        f"sha of {ONE}",
        "ai-edge-litert 2.3.0",
    )
    assert row["image_library"] == "pillow 12.3.0"


def test_image_records_keep_every_phase_and_a_failed_image_its_time(raw, processed):
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    ingest.process(raw, processed)
    images = storage.read("images", processed).set_index("query")
    assert images.loc[2, ["label", "top1", "correct", "failed"]].tolist() == [7, 8, False, False]
    assert list(images.loc[2, "top5"]) == [8, 9]
    phases = ["decode_ms", "preprocess_ms", "inference_ms", "postprocess_ms", "end_to_end_ms", "at_s"]
    assert images.loc[2, phases].tolist() == [1, 2, 26, 1, 30, 2]
    assert images.loc[4, ["correct", "failed", "end_to_end_ms"]].tolist() == [False, True, 50]
    assert images.loc[4, ["top1", "decode_ms", "inference_ms"]].isna().all()


def test_an_instance_of_which_every_image_failed_has_accuracy_zero_and_no_inference_time(raw, processed):
    attempt(begin(raw, [ONE]), ONE, LOAD, failed_image(0, 3), failed_image(1, 5), end(None))
    ingest.process(raw, processed)
    row = only("instances", processed)
    assert (row["images"], row["failed_images"], row["accuracy"], row["end_to_end_ms_mean"]) == (2, 2, 0.0, 4.0)
    assert pd.isna(row["inference_ms_mean"]) and pd.isna(row["peak_rss_mb"])


def test_a_device_of_which_every_image_failed_does_not_keep_the_others_from_being_read(raw, processed):
    attempt(begin(raw, [ONE], device="a"), ONE, LOAD, failed_image(0), end())
    attempt(begin(raw, [ONE], device="b"), ONE, *GOOD)
    ingest.process(raw, processed)
    images = storage.read("images", processed)
    assert images.groupby("device_id").size().to_dict() == {"a": 1, "b": 5}
    assert list(images[images["device_id"] == "b"]["top5"].iloc[0]) == [7, 9]


def test_an_image_without_an_answer_is_wrong(raw, processed):
    attempt(begin(raw, [ONE]), ONE, {**image(0), "top5": []}, image(1), end())
    ingest.process(raw, processed)
    assert only("instances", processed)["accuracy"] == 0.5
    assert storage.read("images", processed)["top1"].isna().tolist() == [True, False]


def test_queries_over_repeated_images_are_rows_of_their_own(raw, processed):
    events = [image(query, 6, name=f"{query % 2}.jpg", right=query % 2 == 0) for query in range(5)]
    attempt(begin(raw, [ONE]), ONE, *events, end())
    ingest.process(raw, processed)
    images = storage.read("images", processed)
    assert images["query"].tolist() == [0, 1, 2, 3, 4]
    assert images["image"].tolist() == ["0.jpg", "1.jpg", "0.jpg", "1.jpg", "0.jpg"]
    assert only("instances", processed)[["images", "correct", "accuracy"]].tolist() == [5, 3, 0.6]


def test_the_last_complete_attempt_is_used_and_the_others_are_listed(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, image(0, 1), end(), number=1)
    attempt(folder, ONE, image(0, 2), image(1, 2), end(), number=2)
    attempt(folder, ONE, image(0, 3), {"event": "failed", "reason": "killed"}, number=3)
    attempt(folder, ONE, {"event": "failed", "reason": "no memory"}, number=10)
    result = ingest.process(raw, processed)
    row = only("instances", processed)
    assert (row["attempt"], row["attempts"], row["images"], row["inference_ms_mean"]) == (2, 4, 2, 2.0)
    assert reasons(result) == {
        f"{ONE}.1.jsonl": "attempt 1 (end) is not the last complete one",
        f"{ONE}.3.jsonl": "attempt 3 (failed) is not the last complete one",
        f"{ONE}.10.jsonl": "attempt 10 (failed) is not the last complete one",
    }
    left_out = storage.read("left_out", processed)
    assert list(left_out[["path", "reason"]].itertuples(index=False, name=None)) == result.left_out
    assert left_out["lines"].tolist() == [2, 1, 2]  # of attempts 1, 10 and 3


def test_every_way_an_instance_can_end_has_its_status_verdict_and_reasons(raw, processed):
    suite = [f"tflite_cpu_{kind}_mnasnet" for kind in ("float32", "dynamic", "int8", "float16")] + [TWO]
    folder = begin(raw, suite)
    attempt(folder, suite[0], LOAD, image(0), end())
    attempt(folder, suite[1], LOAD, image(0))
    attempt(folder, suite[2], LOAD)
    rawlog.close_attempt(folder / f"{suite[2]}.1.jsonl", "failed", reason="it took longer than 60 s")
    unavailable(folder, suite[3])
    result = ingest.process(raw, processed)
    assert reasons(result) == {f"{suite[1]}.1.jsonl": "records of an unfinished attempt (cut) are not used"}
    rows = storage.read("instances", processed)
    assert rows["position"].tolist() == [0, 1, 2, 3, 4]
    assert list(zip(rows["status"], rows["verdict"], rows["reasons"], strict=True)) == [
        ("end", "semi-valid", "1 of 500 images"),
        ("cut", "invalid", "the log ends too early: run it again"),
        ("failed", "invalid", "it took longer than 60 s"),
        ("unavailable", "unavailable", "NNAPI is part of Android: run it on an Android phone"),
        ("cut", "invalid", "it was not run, because the run is unfinished"),
    ]
    assert rows["images"].tolist() == [1, 0, 0, 0, 0]
    assert rows["accuracy"].isna().tolist() == [False, True, True, True, True]
    assert rows["attempt"].isna().tolist() == [False, False, False, False, True]


def test_an_attempt_that_ended_without_an_image_is_invalid(raw, processed):
    attempt(begin(raw, [ONE]), ONE, LOAD, end())
    ingest.process(raw, processed)
    row = only("instances", processed)
    assert (row["verdict"], row["reasons"]) == ("invalid", "no accuracy was measured; no time was measured")


def test_a_damaged_attempt_is_named_and_the_earlier_one_is_used(raw, processed):
    folder = begin(raw, [ONE, TWO])
    attempt(folder, ONE, image(0), end())
    (folder / f"{ONE}.2.jsonl").write_text('what is this\n{"event":"party"}\n')
    (folder / f"{TWO}.1.jsonl").touch()
    result = ingest.process(raw, processed)
    rows = storage.read("instances", processed)
    assert rows["verdict"].tolist() == ["semi-valid", "invalid"]
    assert rows["attempts"].tolist() == [2, 1]
    assert rows["reasons"][1] == "its log is damaged: run it again"  # and not that the instance was never run
    excluded = reasons(result)
    assert excluded[f"{ONE}.2.jsonl"].endswith("contains no event: line 1 is not JSON.")
    assert excluded[f"{TWO}.1.jsonl"].endswith("is empty.")


def test_a_half_written_last_line_is_dropped_and_named(raw, processed):
    folder = begin(raw, [ONE])
    path = attempt(folder, ONE, image(0), image(1))
    with path.open("a") as log:
        log.write('{"query":2,"image":"002.jp')
    result = ingest.process(raw, processed)
    assert [(Path(name).name, reason) for name, reason in result.left_out] == [
        (path.name, """an incomplete last line was dropped: '{"query":2,"image":"002.jp'"""),
        (path.name, "records of an unfinished attempt (cut) are not used"),
    ]
    assert storage.read("left_out", processed)["lines"].tolist() == [1, 2]
    assert only("instances", processed)["status"] == "cut"


def test_an_attempt_of_an_instance_that_was_not_asked_for_is_named(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, image(0), end())
    attempt(folder, TWO, image(0), end())
    result = ingest.process(raw, processed)
    assert reasons(result) == {f"{TWO}.1.jsonl": "its instance is not in the suite of run.json"}
    assert only("instances", processed)["instance_id"] == ONE


def newer_version(folder):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "schema_version": 2}))


def changed(**fields):
    def change(folder):
        record = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**record, **fields}))

    return change


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (newer_version, r"run\.json has schema version 2, but this version reads 1 to 1: update the toolkit\."),
        (lambda folder: (folder / "run.json").write_text(""), r"run\.json cannot be read as JSON"),
        (lambda folder: (folder / "device.json").unlink(), r"device\.json is missing: the folder is not a run"),
        (lambda folder: (folder / "run.json").unlink(), r"run\.json is missing: the folder is not a run"),
        (changed(origin="guessed"), r"run\.json has origin 'guessed'"),
        (changed(timing="by eye"), r"run\.json has timing 'by eye'"),
        (changed(suite=["tflite_cpu"]), r"run\.json has 'tflite_cpu' in its suite"),
        (changed(suite=[7]), r"run\.json has 7 in its suite"),
        (changed(profile={}), r"run\.json, profile has no field 'name'"),
        (changed(dataset={"name": "sample"}), r"run\.json, dataset has no field 'sha256'"),
        (changed(models={ONE: None}), r"run\.json has None as the model of"),
        (changed(models={ONE: {"size_bytes": "3 MB"}}), r"run\.json, model of .* has '3 MB' as size_bytes"),
        (changed(models={ONE: {"macs": "300 M"}}), r"run\.json, model of .* has '300 M' as macs"),
        (
            changed(device_slug="another"),
            r"run\.json is of device another, but the device\.json beside it is of 'local'",
        ),
        (
            changed(device_slug="../../etc"),
            r"run\.json has device_slug '\.\./\.\./etc', which is not a valid file name",
        ),
        (changed(run_id=""), r"run\.json has run_id '', which is not a valid file name"),
        (changed(threads=10**60), r"run\.json has 10+\.\.\.0+ as threads, which is not valid in the format"),
        (
            lambda folder: (folder / "run.json").write_text("[" * 10**5),
            r"run\.json cannot be read as JSON \(it is nested",
        ),
        (lambda folder: (folder / "run.json").write_text('{"a": "\\ud800"}'), r"run\.json cannot be read as JSON"),
        (lambda folder: (folder / "run.json").write_text("7"), r"run\.json does not contain a JSON object"),
    ],
)
def test_a_run_that_cannot_be_read_is_named_and_the_others_are_processed(raw, processed, damage, reason):
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    bad = begin(raw, [ONE], run_id="20260102T000000Z-bbbbbb")
    attempt(bad, ONE, *GOOD)
    damage(bad)
    result = ingest.process(raw, processed)
    assert result.runs == 1
    assert only("instances", processed)["run_id"] == RUN
    [(path, sentence)] = result.left_out
    assert path == str(bad)
    assert re.search(reason, sentence)


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("name", ["run.json", "device.json"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "zeros"])
def test_a_record_that_never_ends_is_named_and_the_others_are_processed(raw, processed, name, make):
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    bad = begin(raw, [ONE], run_id="20260102T000000Z-bbbbbb")
    (bad / name).unlink()
    make(bad / name)
    result = ingest.process(raw, processed)
    assert only("instances", processed)["run_id"] == RUN
    assert result.left_out == [(str(bad), f"{bad / name} is not a file.")]


def test_a_folder_that_is_no_run_is_named(raw, processed):
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    (raw / "local" / "notes").mkdir()
    (raw / "local" / ".lock").touch()  # of a run in progress
    result = ingest.process(raw, processed)
    assert list(reasons(result)) == ["notes"]
    assert reasons(result)["notes"].endswith("the folder is not a run, or the run ended before it was written.")


def test_files_and_folders_that_belong_to_no_run_are_named(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, *GOOD)
    (folder / "native").mkdir()
    (folder / "native" / "output.txt").touch()  # kept for readers
    (folder / "old").mkdir()
    (raw / ".part-phone" / "run").mkdir(parents=True)
    (raw / ".lock").touch()
    for path in (
        raw / "readme.txt",
        raw / "local" / "notes.txt",
        folder / f"{ONE}.1.jsonl.bak",
        folder / f"{ONE}.01.jsonl",
    ):
        path.touch()
    result = ingest.process(raw, processed)
    assert reasons(result) == {
        ".part-phone": "it is hidden, like files that are being written or removed",
        "readme.txt": "it is not the folder of a device",
        "notes.txt": "it is not the folder of a run",
        f"{ONE}.1.jsonl.bak": "it is not a file of a run",
        f"{ONE}.01.jsonl": "it is not a file of a run",
        "old": "it is not a file of a run",
    }
    assert len(storage.read("images", processed)) == 5


def test_the_readmes_of_a_fresh_clone_are_neither_reported_nor_removed(raw, processed):
    for folder in (raw, processed):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text("# What appears here")
    with pytest.raises(DataError):  # no run exists yet
        ingest.process(raw, processed)
    assert (processed / "README.md").exists()
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    (raw / "local" / "README.md").touch()  # of the user: only that of the folder of raw logs is expected
    assert reasons(ingest.process(raw, processed)) == {"README.md": "it is not the folder of a run"}
    assert storage.read("left_out", processed)["path"].tolist() == [f"{raw}/local/README.md"]
    assert len(storage.read("images", processed)) == 5
    assert (raw / "README.md").exists() and (processed / "README.md").exists()


def test_what_is_no_file_is_named_where_a_log_should_be(raw, processed):
    folder = begin(raw, [ONE, TWO])
    (folder / f"{ONE}.1.jsonl").mkdir()
    os.mkfifo(folder / f"{TWO}.1.jsonl")  # reading the file would never end
    (folder / "telemetry.jsonl").mkdir()
    excluded = reasons(ingest.process(raw, processed))
    assert len(excluded) == 3
    assert all(reason.endswith(f"{name} is not a file.") for name, reason in excluded.items())
    assert storage.read("instances", processed)["reasons"].tolist() == ["its log is damaged: run it again"] * 2


def test_excluded_files_are_reported_with_their_device_and_origin(raw, processed):
    """If its own record lacks the origin, that of the device's other runs is used, provided that they have only one."""
    attempt(begin(raw, [ONE]), ONE, *GOOD, number=2)
    attempt(begin(raw, [ONE], device="phone", origin="simulated"), ONE, *GOOD)
    other = begin(raw, [ONE], "20260103T000000Z-cccccc", origin="imported")
    (other / "run.json").write_text('{"origin": "imported"}')
    for path in ("readme", "local/notes", f"local/{RUN}/odd", "local/x/run.json", "phone/y/run.json", "new/z/run.json"):
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        (raw / path).write_text("[]")
    ingest.process(raw, processed)
    rows = storage.read("left_out", processed).to_dict("records")
    reported = {row["path"].removeprefix(f"{raw}/"): (row["device_id"], row["origin"]) for row in rows}
    without_nan = {path: tuple(None if pd.isna(value) else value for value in both) for path, both in reported.items()}
    assert without_nan == {
        "readme": (None, None),
        "local/notes": ("local", None),  # this device has runs of two origins
        f"local/{RUN}/odd": ("local", "measured"),
        "local/20260103T000000Z-cccccc": ("local", "imported"),
        "local/x": ("local", None),
        "phone/y": ("phone", "simulated"),
        "new/z": ("new", None),
    }


def test_a_name_that_is_no_text_is_shown_as_one(raw, processed):
    attempt(begin(raw, [ONE]), ONE, *GOOD)
    Path(os.fsdecode(bytes(raw / "local") + b"/n\xffte")).touch()
    [(path, _)] = ingest.process(raw, processed).left_out
    assert path.endswith(r"/n\xffte")
    assert storage.read("left_out", processed)["path"].tolist() == [path]


def test_no_name_of_a_file_is_a_word_to_a_terminal(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, *GOOD)
    (folder / "\33[31mred\33]0;title\7\r\u202eevil 小米").touch()
    [(path, reason)] = ingest.process(raw, processed).left_out
    assert path == f"{folder}/\\x1b[31mred\\x1b]0;title\\x07\\r\\u202eevil 小米"
    assert reason == "it is not a file of a run"
    assert storage.read("left_out", processed)["path"].tolist() == [path]


def test_a_copy_of_a_run_is_not_counted_twice(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, *GOOD)
    shutil.copytree(folder, raw / "local" / "copy of it")
    result = ingest.process(raw, processed)
    assert (result.runs, len(storage.read("images", processed))) == (1, 5)
    assert len(result.left_out) == 1
    assert result.left_out[0][1] == f"it holds run {RUN} of local, which was already read from another folder"


@pytest.mark.parametrize("damage", [None, "run.json"])
def test_where_nothing_can_be_read_the_error_says_so_in_one_sentence_and_nothing_is_written(raw, processed, damage):
    if damage:
        (begin(raw, [ONE]) / damage).write_text("")
    raw.mkdir(exist_ok=True)
    with pytest.raises(DataError) as caught:
        ingest.process(raw, processed)
    sentence = str(caught.value)
    assert sentence.startswith(f"{raw} holds no run that can be read")
    assert sentence.endswith(": run `aiot run --local`.")
    assert "\n" not in sentence and ". " not in sentence and ".." not in sentence
    assert ("run.json cannot be read as JSON" in sentence) == bool(damage)
    assert not processed.exists()


def test_a_folder_that_does_not_exist_is_not_one_without_runs(raw, processed, tmp_path):
    with pytest.raises(DataError, match=rf"^There is no folder {raw}: run `aiot run --local`, or name "):
        ingest.process(raw, processed)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=rf"^{tmp_path / 'file'} is not a folder: "):
        ingest.process(tmp_path / "file", processed)
    assert not processed.exists()


def test_telemetry_becomes_rows_and_what_is_not_offered_null(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, *GOOD)
    samples = [
        {"at": "2026-01-01T00:00:00Z", "instance": ONE, "temperature_c": 41.5, "load_average": 2, "extra": 1},
        {"at": "2026-01-01T00:00:02Z", "frequency_mhz": 1800},
        {"temperature_c": 40},  # without a time
        {"at": "2026-01-01T00:00:06Z", "temperature_c": "hot"},
    ]
    text = "".join(json.dumps(sample) + "\n" for sample in samples)
    (folder / "telemetry.jsonl").write_text(text + '{"at":"2026')
    result = ingest.process(raw, processed)
    rows = storage.read("telemetry", processed)
    assert rows["at"].tolist() == ["2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z"]
    assert rows.loc[0, ["run_id", "device_id", "instance_id", "temperature_c", "load_average"]].tolist() == [
        RUN,
        "local",
        ONE,
        41.5,
        2.0,
    ]
    assert rows.loc[1, ["instance_id", "temperature_c", "battery_percent"]].isna().all()
    assert rows["frequency_mhz"].tolist()[1] == 1800
    assert reasons(result) == {"telemetry.jsonl": "malformed lines: 3"}


def test_operators_become_rows_in_milliseconds(raw, processed):
    operator = {
        "event": "operator",
        "model": "mobilenet_v2",
        "framework": "tflite",
        "operator": "conv_1",
        "kind": "CONV_2D",
        "repetition": 3,
        "time_ns": 1_250_000,
    }
    attempt(begin(raw, [ONE]), ONE, operator, image(0), end())
    ingest.process(raw, processed)
    row = only("operators", processed)
    assert (row["operator"], row["kind"], row["repetition"], row["time_ms"]) == ("conv_1", "CONV_2D", 3, 1.25)
    assert (row["run_id"], row["device_id"], row["origin"]) == (RUN, "local", "measured")


def test_nodes_and_passes_become_rows(raw, processed):
    profile(raw, "squeezenet", repeat=2)
    result = ingest.process(raw, processed)
    assert result.left_out == []
    nodes = storage.read("nodes", processed)
    assert nodes["node"].tolist() == ["x", "squeeze", "left", "right", "join"]
    right = nodes[nodes["node"] == "right"].iloc[0]
    assert (right["kernel"], right["stride"], right["out_shape"], right["groups"]) == ("3x3", "1x1", "1x8x4x4", 1)
    assert (right["within"], right["inputs"], right["macs"]) == ("fire:Fire", "squeeze", 3_000_000)
    assert nodes.iloc[4]["inputs"] == "left right"
    assert nodes.iloc[0][["kernel", "stride"]].isna().all() and nodes.iloc[0]["inputs"] == ""
    passes = storage.read("passes", processed)
    assert passes[["model", "repetition", "profiled_ms", "plain_ms"]].values.tolist() == [
        ["squeezenet", 0, 5.0, 4.0],
        ["squeezenet", 1, 5.0, 4.0],
    ]
    assert len(storage.read("operators", processed)) == 2 * 4
    row = only("instances", processed)
    assert (row["study"], row["verdict"], row["images"], row["log_lines"]) == ("profile", "valid", 0, 17)


def test_a_profile_without_operators_is_used_with_a_doubt(raw, processed):
    attempt(begin(raw, [TWO], study="profile"), TWO, LOAD, end())
    ingest.process(raw, processed)
    row = only("instances", processed)
    assert (row["verdict"], row["reasons"]) == ("semi-valid", "no operator was timed")


def test_records_of_a_profile_that_did_not_end_are_excluded(raw, processed):
    path = next(profile(raw, "squeezenet").glob("*.1.jsonl"))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    result = ingest.process(raw, processed)
    assert reasons(result) == {path.name: "records of an unfinished attempt (cut) are not used"}
    assert storage.read("nodes", processed).empty and storage.read("operators", processed).empty


def test_two_devices_are_two_rows_and_two_folders_of_images(raw, processed):
    attempt(begin(raw, [ONE], device="phone"), ONE, *GOOD)
    attempt(begin(raw, [ONE], device="local"), ONE, *GOOD[:3], end())
    ingest.process(raw, processed)
    devices = storage.read("devices", processed).set_index("device_id")
    assert sorted(devices.index) == ["local", "phone"]
    assert devices.loc["phone", ["maker", "model", "ram_gb", "cores", "max_mhz"]].tolist() == [
        "Example",
        "Phone",
        8.0,
        2,
        2400.5,
    ]
    assert devices.loc["phone", ["soc", "paper_id", "kernel"]].isna().all()
    files = sorted(path.relative_to(processed).as_posix() for path in (processed / "images").rglob("*.parquet"))
    assert files == [f"images/local/{RUN}.parquet", f"images/phone/{RUN}.parquet"]
    assert len(storage.read("images", processed, device_id=["local"])) == 2


def test_the_latest_run_describes_the_device(raw, processed):
    begin(raw, [ONE], run_id="20260101T000000Z-aaaaaa", maker="Old")
    begin(raw, [ONE], run_id="20260201T000000Z-aaaaaa", maker="New")
    ingest.process(raw, processed)
    assert only("devices", processed)["maker"] == "New"
    assert len(storage.read("instances", processed)) == 2


@pytest.mark.parametrize("simulated_device", ["phone-01", "local"])
def test_simulated_and_measured_runs_stay_apart(raw, processed, simulated_device):
    attempt(begin(raw, [ONE], device="local"), ONE, *GOOD)
    folder = begin(raw, [ONE], "20260301T000000Z-cccccc", simulated_device, origin="simulated")
    attempt(folder, ONE, image(0), end())
    ingest.process(raw, processed)
    for origin, device, images in (("measured", "local", 5), ("simulated", simulated_device, 1)):
        result = data.load(processed, origin)
        assert result.devices["device_id"].tolist() == [device]
        assert result.instances["images"].tolist() == [images]
        assert len(result.images()) == images
        for frame in (result.devices, result.instances, result.images()):
            assert frame["origin"].unique().tolist() == [origin]


def test_processing_twice_gives_the_same_tables(raw, processed):
    folder = begin(raw, [ONE, TWO])
    attempt(folder, ONE, *GOOD)
    unavailable(folder, TWO)
    begin(raw, [ONE], device="phone")
    ingest.process(raw, processed)
    first = {name: storage.read(name, processed) for name in storage.TABLES}
    ingest.process(raw, processed)
    for name, frame in first.items():
        assert_frame_equal(storage.read(name, processed), frame)
    assert [len(first[name]) for name in ("devices", "instances", "images")] == [2, 3, 5]


def test_the_images_of_a_device_whose_logs_are_gone_do_not_stay(raw, processed):
    for device in ("local", "phone"):
        attempt(begin(raw, [ONE], device=device), ONE, *GOOD)
    ingest.process(raw, processed)
    shutil.rmtree(raw / "phone")
    ingest.process(raw, processed)
    assert storage.read("images", processed)["device_id"].unique().tolist() == ["local"]


def test_a_run_that_measured_nothing_leaves_an_empty_table_of_images(raw, processed):
    unavailable(begin(raw, [ONE]), ONE)
    ingest.process(raw, processed)
    images = data.load(processed).images()
    assert images.empty
    assert set(images.columns) == set(storage.TABLES["images"].to_schema().columns) - {"top5"}


events = st.lists(
    st.one_of(
        st.builds(image, st.integers(0, 9), st.integers(0, 1000), st.booleans(), st.integers(0, 99)),
        st.builds(failed_image, st.integers(0, 9), st.integers(0, 1000)),
        st.just({"event": "warmup", "inference_ns": 5}),
    ),
    max_size=12,
)


@examples(10)  # each example writes and reads every table
@given(events=events)
def test_every_image_event_is_one_row_and_accuracy_is_right_over_all(events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("law")
    attempt(begin(folder / "raw", [ONE]), ONE, *events, end())
    ingest.process(folder / "raw", folder / "processed")
    row = only("instances", folder / "processed")
    images = storage.read("images", folder / "processed")
    first = {event["query"]: event for event in reversed(events) if "query" in event}
    shown = [event for event in events if any(event is kept_event for kept_event in first.values())]
    right = sum(event["event"] == "image" and event["top5"][0][0] == event["label"] for event in shown)
    assert len(images) == row["images"] == len(shown)
    assert (images["correct"].sum(), images["failed"].sum()) == (row["correct"], row["failed_images"])
    assert row["correct"] == right
    assert row["distinct_images"] == len({event["image"] for event in shown})
    again = sum("query" in event for event in events) - len(shown)  # each query counts once
    assert (storage.read("left_out", folder / "processed")["lines"].sum(), row["log_lines"]) == (
        again,
        len(events) + 1 - again,
    )
    assert row["accuracy"] == right / len(shown) if shown else pd.isna(row["accuracy"])
