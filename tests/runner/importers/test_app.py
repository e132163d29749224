"""Tests of importing logs of the app as runs. The logs are made up: see specimens.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from runner import rawlog
from tests.runner.importers import specimens
from tests.runner.importers.conftest import imported, whole_runs

TWO = ["pytorch_cpu_resnet50", "tflite_nnapi_mnasnet"]
FIRST, SECOND = "pytorch_cpu_float32_resnet50", "tflite_nnapi_float32_mnasnet"


def events(folder, instance):
    return rawlog.read_attempt(rawlog.attempt_path(folder, instance, 1)).events


def test_both_logs_of_a_sitting_are_one_run_with_every_image(space, app_files):
    session = specimens.app_session(20, TWO)
    result = imported(space, *app_files(session))
    assert result.refused == [] and all(note.endswith(" lines understood, 0 not") for note in result.notes)
    [folder] = whole_runs(space)
    assert result.runs == [(folder, 2, 40)]
    for instance, workload in zip([FIRST, SECOND], session.workloads, strict=True):
        load, *images, end = events(folder, instance)
        assert (load["load_ns"], load["resolution_ms"]) == (workload.load_ms * 1_000_000, 1.0)
        assert [image["total_ns"] for image in images] == [ms * 1_000_000 for ms in workload.times_ms]
        assert [image["bitmap_ns"] for image in images] == [ms * 1_000_000 for ms in workload.bitmap_ms]
        assert not any("inference_ns" in image for image in images)
        assert [[best for best, _ in image["top5"]] for image in images] == workload.best
        assert [image["label"] for image in images] == session.labels
        assert images[0]["at_ns"] == 0 and images[1]["at_ns"] == (workload.times_ms[0] + 3) * 1_000_000
        assert (end["images"], end["failed_images"], end["correct"]) == (20, 0, workload.correct(session.labels))
        assert end["reported"]["mean_ms"] == workload.mean_ms


def test_the_accelerator_is_known_only_for_the_cpu_and_threads_only_for_tflite(space, app_files):
    imported(space, *app_files(specimens.app_session(5, TWO)))
    [folder] = whole_runs(space)
    first, second = events(folder, FIRST)[0], events(folder, SECOND)[0]
    assert (first["accelerator_requested"], first["accelerator_actual"], first["threads"]) == ("cpu", "cpu", None)
    assert (second["accelerator_requested"], second["accelerator_actual"], second["threads"]) == ("nnapi", None, 1)
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert (run["threads"], run["seed"], run["timing"], run["origin"]) == (None, None, "end_to_end", "imported")


def test_the_device_is_that_of_the_header_or_as_the_user_calls_it(space, app_files):
    imported(space, *app_files(specimens.app_session(5, TWO)))
    imported(space, app_files(specimens.app_session(5, TWO, seed=1))[0], device="Specimen Phone X", soc="Made Up 1")
    devices = [rawlog.read_json(folder / "device.json", rawlog.DEVICE_FIELDS) for folder in whole_runs(space)]
    from_header, named = sorted(devices, key=lambda device: device["maker"], reverse=True)
    assert (from_header["maker"], from_header["model"], from_header["soc"]) == ("specimen", "Specimen 1", None)
    assert (from_header["os"], from_header["os_version"], from_header["ram_gb"], from_header["abi"]) == (
        "Android",
        "10",
        6.0,
        "armeabi-v7a",
    )
    assert from_header["not_offered"] == ["serial_sha256", "soc", "kernel", "cores", "battery"]
    assert (named["maker"], named["model"], named["soc"]) == ("Specimen", "Phone X", "Made Up 1")
    assert named["app_device"] == "Specimen 1"
    assert named["slug"].startswith("specimen-phone-x-") and from_header["slug"] != named["slug"]


def test_a_serial_number_tells_devices_of_one_model_apart_and_is_not_kept(space, app_files):
    for seed, serial in enumerate(["A1", "B2"]):
        imported(space, app_files(specimens.app_session(5, TWO, seed))[0], serial=serial)
    folders = whole_runs(space)
    assert len({folder.parent for folder in folders}) == 2
    assert not any(b"B2" in path.read_bytes() for folder in folders for path in folder.glob("*.json"))


def test_the_result_log_alone_is_a_summary_of_each_workload(space, save):
    session = specimens.app_session(20, TWO)
    imported(space, save(specimens.RESULT_NAME, specimens.result_log(session)))
    [folder] = whole_runs(space)
    workload = session.workloads[0]
    _, summary, end = events(folder, FIRST)
    assert (summary["timing"], summary["tool"], summary["count"]) == ("end_to_end", "AIoTBench app", 20)
    assert (summary["mean_ms"], summary["first_ms"]) == (workload.mean_ms, workload.times_ms[0])
    assert summary["sd_ms"] == pytest.approx(workload.sd_ms)
    assert (end["images"], end["correct"]) == (20, workload.correct(session.labels))
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert run["profile"]["name"] == "paper's app (means alone)"
    assert run["started"] == "2020-11-05T13:18:00Z"  # the file name states the end, 720 s later
    assert run["ended"] == "2020-11-05T13:30:00Z"


def test_the_program_log_alone_needs_the_device_and_a_name_of_the_images(space, save):
    path = save(specimens.PROGRAM_NAME, specimens.program_log(specimens.app_session(5, TWO)))
    assert "does not state the device: use --device" in str(imported(space, path).refused[0])
    refused = imported(space, path, device="Specimen 1").refused
    assert "does not state which images were used: name them with --dataset" in str(refused[0])
    assert whole_runs(space) == []
    imported(space, path, device="Specimen 1", dataset="val")
    [folder] = whole_runs(space)
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert (run["dataset"]["name"], run["dataset"]["label_space"]) == ("val", "imagenet-1000")
    assert run["started"] == "2020-11-05T13:18:00Z"
    assert run["models"][FIRST]["sha256"] is None


def test_logs_of_two_sittings_are_told_apart_by_their_times(space, save, app_files):
    files = list(app_files(specimens.app_session(5, TWO)))
    other = specimens.app_session(5, TWO, seed=1)
    files.append(save("Specimen 1_5_20201106_100000", specimens.result_log(other)))
    files.append(save("program_log_Specimen 1_5_20201106_090000.log", specimens.program_log(other)))
    imported(space, *reversed(files))
    folders = whole_runs(space)
    assert [len(list((folder / "native").iterdir())) for folder in folders] == [2, 2]
    assert [folder.name[:15] for folder in folders] == ["20201105T131800", "20201106T090000"]


def test_float_and_quantized_sittings_of_a_device_are_one_run(space, save, app_files):
    quantized = specimens.app_session(5, ["tflite_full_int_nnapi_mnasnet"], seed=1)
    other = save("Specimen 1_5_20201106_100000", specimens.result_log(quantized))
    program = save("program_log_Specimen 1_5_20201106_090000.log", specimens.program_log(quantized))
    imported(space, other, program, *app_files(specimens.app_session(5, TWO)))
    [folder] = whole_runs(space)
    assert set(rawlog.attempt_paths(folder)) == {FIRST, SECOND, "tflite_nnapi_int8_mnasnet"}


def test_images_are_numbers_of_the_device_since_every_device_lists_a_class_in_another_order(space, app_files):
    imported(space, *app_files(specimens.app_session(5, TWO)))
    [folder] = whole_runs(space)
    names = {event["image"] for event in events(folder, FIRST)[1:-1]}
    assert names == {f"{folder.parent.name}-{index:05}" for index in range(5)}


def test_images_have_the_names_that_are_given(space, app_files):
    files = app_files(specimens.app_session(5, TWO))
    refused = imported(space, *files, images=("a", "b")).refused
    assert "has 5 images, but --image-names has 2" in str(refused[0])
    imported(space, *files, images=tuple("abcde"))
    [folder] = whole_runs(space)
    assert [event["image"] for event in events(folder, FIRST)[1:-1]] == list("abcde")


def test_an_image_that_failed_counts_as_wrong_and_has_a_time(space, app_files):
    session = specimens.app_session(5, TWO)
    session.workloads[0].failed = {2}
    imported(space, *app_files(session))
    [folder] = whole_runs(space)
    failed = events(folder, FIRST)[3]
    assert (failed["event"], failed["label"], failed["query"]) == ("image_failed", session.labels[2], 2)
    assert failed["spent_ns"] == session.workloads[0].times_ms[2] * 1_000_000
    assert failed["reason"] == "java.lang.RuntimeException: made up"
    end = events(folder, FIRST)[-1]
    assert (end["images"], end["failed_images"], end["correct"]) == (4, 1, session.workloads[0].correct(session.labels))


def test_where_the_class_of_a_failed_image_is_not_known_there_is_a_summary(space, app_files):
    session = specimens.app_session(5, TWO[:1])
    session.workloads[0].failed = {2}
    imported(space, *app_files(session))
    [folder] = whole_runs(space)
    _, summary, end = events(folder, FIRST)
    assert summary["records_missing"] == "image 2 failed, and the log does not state its class"
    assert summary["mean_ms"] == sum(session.workloads[0].times_ms) / 5
    assert (end["images"], end["failed_images"]) == (4, 1)


def test_a_program_log_that_breaks_off_keeps_what_it_has_and_the_result_log_the_rest(space, save):
    session = specimens.app_session(20, TWO)
    text = specimens.program_log(session)
    program = save(specimens.PROGRAM_NAME, text[: len(text) * 3 // 4])
    result = imported(space, program, device="Specimen 1", dataset="val")
    [folder] = whole_runs(space)
    assert [logged[-1]["event"] for logged in (events(folder, FIRST), events(folder, SECOND))] == [
        "end",
        "failed",
    ]
    assert "it ends after " in events(folder, SECOND)[-1]["reason"]
    assert "failed: it ends after " in result.notes[0]
    both = save("program_log_again.log", text[: len(text) * 3 // 4] + "\n")
    imported(space, both, save(specimens.RESULT_NAME, specimens.result_log(session)))
    [folder] = set(whole_runs(space)) - {folder}
    assert [len(events(folder, FIRST)), len(events(folder, SECOND))] == [22, 3]
    assert events(folder, SECOND)[1]["event"] == "summary"


def test_a_renamed_file_has_its_own_time(space, save):
    imported(space, save("log.txt", specimens.result_log(specimens.app_session(5, TWO))))
    [folder] = whole_runs(space)
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert (run["ended"], run["imported"]["started_from"]) == ("2026-01-01T12:00:00Z", "time of the file")
    assert datetime.fromisoformat(run["started"]) == datetime(2026, 1, 1, 11, 48, tzinfo=UTC)


def test_workloads_of_different_numbers_of_images_are_refused(space, save):
    short, long = specimens.app_session(5, TWO[:1]), specimens.app_session(6, TWO[1:])
    text = specimens.program_log(short) + specimens.program_log(long).replace("workload 0", "workload 1")
    [refused] = imported(space, save("p.log", text), device="Specimen 1", dataset="val").refused
    assert "has workloads with 5 and 6 images" in str(refused)


def test_one_device_is_not_two(space, save):
    first = save("a", specimens.result_log(specimens.app_session(5, TWO)))
    second = save("b", specimens.result_log(specimens.app_session(5, TWO, 1), device="Other 2"))
    result = imported(space, first, second, device="Specimen 1")
    assert len(whole_runs(space)) == 1
    assert "is from Other 2, but another file is from Specimen 1, and --device names only one" in str(result.refused[0])
    assert len(result.runs) == 1


def test_a_dataset_of_the_workspace_is_known_by_its_hash(space, app_files):
    from tests.runner.conftest import make_dataset

    make_dataset(space.datasets / "mine", count=12)
    files = app_files(specimens.app_session(5, TWO))
    assert "has 12 images, but the log has 5" in str(imported(space, *files, dataset="mine").refused[0])
    imported(space, *app_files(specimens.app_session(12, TWO)), dataset="mine")
    [folder] = whole_runs(space)
    record = json.loads((folder / "run.json").read_text())["dataset"]
    assert record["label_space"] == "sample-100" and "sha256_of" not in record
