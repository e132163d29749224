"""Tests of importing results of MLPerf LoadGen, written according to its formats, to raw logs and tables."""

from __future__ import annotations

import codecs
import shutil

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import storage
from runner import rawlog
from runner.errors import LogError
from runner.importers.image_labels import ilsvrc, read_labels
from runner.importers.import_files import import_files
from runner.importers.input_files import LabelOverrides, Publication
from tests.runner.importers.loadgen_files import accuracy, answer_bytes, detail, summary, write_submission

LABELS = [index % 10 for index in range(600)]
ANSWERS = [label if index % 5 else 11 for index, label in enumerate(LABELS)]  # 480 of 600 are right
PUBLICATION = Publication("Example Results 1.0", "https://example.org/results", "2026-11-28")


@pytest.fixture
def labels(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("".join(f"val_{index:04}.jpg {label}\n" for index, label in enumerate(LABELS)))
    return read_labels(str(file))


@pytest.fixture
def result_folder(tmp_path):
    return write_submission(tmp_path / "closed", accuracy(ANSWERS))


def imported(space, folder, labels, **overrides):
    return import_files([folder], LabelOverrides(labels=labels, **overrides), space)


def tables_of(space, folder, labels, **overrides):
    result = imported(space, folder, labels, **overrides)
    assert result.refused == []
    ingest.process(space.raw, space.root / "data" / "processed")
    return [storage.read(name, space.root / "data" / "processed") for name in ("instances", "images", "devices")]


def refusal(space, folder, labels, **overrides):
    """Import files that must be refused, and return the only reason."""
    result = imported(space, folder, labels, **overrides)
    assert result.runs == [] and rawlog.run_folders(space.raw) == []
    [error] = result.refused
    return str(error)


def test_answers_and_times_of_two_runs_are_one_instance(space, result_folder, labels):
    instances, images, devices = tables_of(space, result_folder, labels)
    [row] = instances.to_dict("records")
    assert row["instance_id"] == "snpe_npu_int8_mobilenet_edgetpu"
    assert (row["images"], row["correct"], row["origin"]) == (600, 480, "imported")
    times = {"mean": 0.5, "median": 0.45, "p90": 0.6}
    assert {name: row[f"inference_ms_{name}"] for name in times} == times
    further = {"summary_min_ms": 0.4, "summary_max_ms": 2.5, "summary_p99_ms": 0.9, "summary_runs": 12000}
    assert {name: row[name] for name in further} == further
    assert (row["scenario"], row["summary_validity"]) == ("single stream", "VALID")
    assert (row["verdict"], row["reasons"], row["framework_version"]) == ("valid", "", "SDK 2.0")
    assert row["started"] == "2024-05-06T07:08:09Z"
    assert images["top1"].tolist() == ANSWERS and images["label"].tolist() == LABELS
    assert images["image"].tolist()[:2] == ["val_0000.jpg", "val_0001.jpg"]
    assert devices[["maker", "model", "soc"]].to_numpy().tolist() == [["Example", "Phone 1", "Chip, 8 cores,"]]


def test_the_order_of_the_queries_does_not_matter(space, tmp_path, labels):
    folder = write_submission(tmp_path / "closed", accuracy(ANSWERS, order=range(599, -1, -1), size=8))
    _, images, _ = tables_of(space, folder, labels)
    assert images["top1"].tolist() == ANSWERS


def test_files_from_windows_are_read(space, result_folder, labels):
    for file in result_folder.rglob("mlperf_log_*"):
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes().replace(b"\n", b"\r\n"))
    instances, _, _ = tables_of(space, result_folder, labels)
    assert instances[["correct", "inference_ms_mean", "summary_p99_ms"]].to_numpy().tolist() == [[480, 0.5, 0.9]]


def test_offline_is_a_throughput(space, tmp_path, labels):
    folder = write_submission(tmp_path / "closed", accuracy(ANSWERS), scenario="Offline")
    [row] = tables_of(space, folder, labels)[0].to_dict("records")
    assert (row["inference_ms_mean"], row["scenario"], row["summary_runs"]) == (0.5, "offline", 24576)
    assert row["verdict"] == "semi-valid" and "inverse of a throughput" in row["reasons"]


def test_both_layouts_of_folders_are_found_from_above(space, tmp_path, labels):
    first = write_submission(tmp_path / "closed", accuracy(ANSWERS))
    second = write_submission(tmp_path / "closed", accuracy(ANSWERS), scenario="Offline")
    (second / "log_accuracy").rename(second / "accuracy")
    (second / "performance").mkdir()
    (second / "log_performance").rename(second / "performance" / "run_1")
    instances, _, _ = tables_of(space, tmp_path / "closed", labels)
    assert sorted(instances["scenario"]) == ["offline", "single stream"]
    assert first.name == "SingleStream"


@pytest.mark.parametrize(
    ("benchmark", "model"),
    [
        ("image_classification", "mobilenet_edgetpu"),
        ("image_classification_v2", "mobilenet_v4_conv_large"),
        ("image_classification_offline_v2", "mobilenet_v4_conv_large"),
    ],
)
def test_folders_of_the_app_of_mlperf_mobile_are_pairs(space, tmp_path, labels, benchmark, model):
    result = write_submission(tmp_path / "closed", accuracy(ANSWERS))
    system = result.parents[1]
    for kind in ("accuracy", "performance"):
        (result / f"log_{kind}").rename(system / f"{benchmark}-{kind}")
        shutil.copytree(system / f"{benchmark}-{kind}", system / f"object_detection-{kind}")
    result = imported(space, tmp_path / "closed", labels, quantization="int8")
    assert [str(error).partition(",")[0] for error in result.refused] == [
        f"{system / 'object_detection'} is a result of object_detection"
    ]
    [(folder, instances, images)] = result.runs
    assert (instances, images) == (1, 600)
    assert [path.name for path in folder.glob("*.jsonl")] == [f"snpe_npu_int8_{model}.1.jsonl"]


def test_systems_in_the_form_of_later_rounds_are_read(space, result_folder, labels):
    (result_folder.parents[3] / "systems" / "phone_1.json").write_text(
        '{"system": {"Processor Name": "Chip 2", "Accelerator type": "Example GPU",}, "notes": {"Phone summary": '
        '"Example Phone 2"}, "software": {"OS Version": "Android 14", "Vendor SDK": "SDK 3"}}'
    )
    instances, _, devices = tables_of(space, result_folder, labels)
    assert instances[["delegate", "framework_version"]].to_numpy().tolist() == [["gpu", "SDK 3"]]
    assert devices[["maker", "model", "soc", "os"]].to_numpy().tolist() == [
        ["Example", "Phone 2", "Chip 2", "Android 14"]
    ]


def test_published_logs_have_their_source(space, result_folder, labels):
    [row] = tables_of(space, result_folder, labels, publication=PUBLICATION)[0].to_dict("records")
    assert (row["origin"], row["publication"], row["address"], row["retrieved"], row["submitter"]) == (
        "published",
        "Example Results 1.0",
        "https://example.org/results",
        "2026-11-28",
        "Example Inc.",
    )


def test_labels_of_ilsvrc_are_joined_if_they_are_named(space, tmp_path):
    answers = list(ilsvrc().classes)
    answers[7:10] = [(answer + 1) % 1000 for answer in answers[7:10]]
    folder = write_submission(tmp_path / "closed", accuracy(answers))
    instances, images, _ = tables_of(space, folder, read_labels("ilsvrc2012-val"))
    assert instances[["images", "correct"]].to_numpy().tolist() == [[50000, 49997]]
    assert images["image"].tolist()[-1] == "ILSVRC2012_val_00050000.JPEG"


def test_without_labels_a_log_is_refused(space, result_folder):
    assert "use --image-labels ilsvrc2012-val if they are the 50,000 images" in refusal(space, result_folder, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace('"qsl_idx" : 3,', '"qsl_idx" : 2,'), "has two answers for image 2"),
        (
            lambda text: text.replace('"qsl_idx" : 3,', '"qsl_idx" : 600,'),
            "has an answer for image 600, but labels has",
        ),
        (lambda text: text.replace('"qsl_idx" : 3,', '"qsl_idx" : "3",'), "has an answer for image '3'"),
        (
            lambda text: text.replace(accuracy(ANSWERS[:1])[2:-3] + ",\n", ""),
            "has no answer for image 0 of the 600 of labels",
        ),
        (lambda text: text[: len(text) // 2], "is not valid JSON"),
        (lambda text: "{" + text[1:-2] + "}", "is not valid JSON"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', '"0300000"', 1), "an odd number of hexadecimal digits"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', '"0300"', 1), "has an answer of 2 bytes for image 3"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', f'"{"00" * 28}"', 1), "logs of object detection and other"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', '"0300000G"', 1), "which is not hexadecimal"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', "3", 1), "which is not hexadecimal"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', '"FFFFFFFF"', 1), "has the class -1 for image 3"),
        (lambda text: text.replace(f'"{answer_bytes(3)}"', '"0000803F"', 1), "has the class 1065353216 for image 3"),
    ],
)
def test_an_accuracy_log_that_is_no_list_of_classes_is_refused(space, result_folder, labels, change, reason):
    log = result_folder / "log_accuracy" / "mlperf_log_accuracy.json"
    changed = change(log.read_text())
    assert changed != log.read_text()
    log.write_text(changed)
    message = refusal(space, result_folder, labels)
    assert reason in message and message.startswith(str(log)) and message.endswith(".")


@pytest.mark.parametrize(
    ("removed", "reason"),
    [
        ("log_performance", "has the log of a run of accuracy, but mlperf_log_summary.txt of a run of performance is"),
        ("log_accuracy", "has the log of a run of performance, but mlperf_log_accuracy.json of a run of accuracy is"),
    ],
)
def test_one_run_of_two_is_refused(space, result_folder, labels, removed, reason):
    shutil.rmtree(result_folder / removed)
    assert reason in refusal(space, result_folder, labels)


def test_two_runs_of_one_kind_are_refused(space, result_folder, labels):
    (result_folder / "performance").mkdir()
    shutil.copytree(result_folder / "log_performance", result_folder / "performance" / "run_2")
    assert "has 2 performance runs" in refusal(space, result_folder, labels)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (summary(scenario="Server"), "is of the scenario 'Server': only SingleStream and Offline can be imported"),
        (summary().replace("Mean latency (ns)               : 500000\n", ""), "has 'nothing' as 'Mean latency (ns)'"),
        (summary().replace(": 500000", ": 0"), "has '0' as 'Mean latency (ns)'"),
        (summary().replace(": 400000", ": what"), "has 'what' as 'Min latency (ns)'"),
    ],
)
def test_a_summary_without_times_is_refused(space, result_folder, labels, text, reason):
    (result_folder / "log_performance" / "mlperf_log_summary.txt").write_text(text)
    assert reason in refusal(space, result_folder, labels)


@pytest.mark.parametrize("benchmark", ["mobiledetSSD", "mobileBERT", "retinanet"])
def test_other_tasks_are_named_and_refused(space, tmp_path, labels, benchmark):
    folder = write_submission(tmp_path / "closed", accuracy(ANSWERS), benchmark=benchmark)
    assert f"is a result of {benchmark}, which is not image classification" in refusal(space, folder, labels)


def test_a_task_is_also_known_by_its_data(space, result_folder, labels):
    (result_folder / "log_accuracy" / "mlperf_log_detail.txt").write_text(detail("AccuracyOnly", qsl="COCO"))
    assert "is a result of COCO, which is not image classification" in refusal(space, result_folder, labels)


def test_two_submissions_with_one_name_are_not_both_imported(space, tmp_path, labels):
    folders = [write_submission(tmp_path / top, accuracy(ANSWERS)) for top in ("first", "second")]
    result = import_files(folders, LabelOverrides(labels=labels), space)
    assert len(result.runs) == 1
    [error] = result.refused
    assert str(error) == (
        f"{folders[1]} and {folders[0]} are both snpe_npu_int8_mobilenet_edgetpu in the scenario single stream on one "
        "device: import them separately, and tell two devices apart with --serial."
    )


def test_a_submission_is_imported_once(space, result_folder, labels):
    imported(space, result_folder, labels)
    [error] = imported(space, result_folder, labels).refused
    assert "was already imported into" in str(error)


def test_what_the_logs_do_not_say_is_asked_for(space, tmp_path, labels):
    result_folder = write_submission(tmp_path / "closed", accuracy(ANSWERS), sut="PySUT")
    folder = tmp_path / "copied"
    # without the folders `systems` and `measurements`, and without the names of the parent folders
    shutil.copytree(result_folder, folder)
    assert "does not state its framework and model: use --framework and --model" in refusal(space, folder, labels)
    named = {"framework": "tflite", "model": "mobilenet_v2"}
    assert "does not state the device" in refusal(space, folder, labels, **named)
    [row] = tables_of(space, folder, labels, **named, device="Example Phone")[0].to_dict("records")
    assert row["instance_id"] == "tflite_unknown_unknown_mobilenet_v2"
    assert "its log does not say which delegate ran" in row["reasons"]


def test_a_folder_without_logs_and_a_single_log_are_refused(space, tmp_path, result_folder, labels):
    (tmp_path / "empty").mkdir()
    assert "is a folder without logs of MLPerf LoadGen" in refusal(space, tmp_path / "empty", labels)
    log = result_folder / "log_performance" / "mlperf_log_summary.txt"
    assert (
        refusal(space, log, labels) == f"{log} is one log of a result of MLPerf LoadGen: name the folder of the result."
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\ntwo\n", "has 'two' as line 2: write a class, or a name and a class"),
        ("a.jpg 1\na.jpg 2\n", "contains a name twice"),
    ],
)
def test_labels_that_are_no_classes_are_refused(tmp_path, text, reason):
    file = tmp_path / "labels.txt"
    file.write_text(text)
    with pytest.raises(LogError, match=reason):
        read_labels(str(file))


def test_labels_without_names_are_numbered(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("5\n\n7\n")
    assert (list(read_labels(str(file)).names), list(read_labels(str(file)).classes)) == (
        ["image 0", "image 1"],
        [5, 7],
    )
    with pytest.raises(LogError, match="is neither ilsvrc2012-val nor a file"):
        read_labels(str(tmp_path / "missing"))
