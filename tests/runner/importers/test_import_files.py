"""Tests of imports of several files, of files imported before, and of files that cannot be imported."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from aiot_suite.errors import SetupError
from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.errors import LogError
from runner.importers import input_files
from runner.importers.import_files import import_files
from runner.importers.input_files import LabelOverrides, model_name, of_file
from tests.examples import examples
from tests.runner.importers import specimens
from tests.runner.importers.conftest import PHONE, imported, whole_runs
from tests.runner.importers.test_tool_output import CAFFE2, LITERT, TORCH

TWO = ["pytorch_cpu_resnet50", "tflite_nnapi_mnasnet"]
ALL_LABELS = LabelOverrides(device=PHONE, model="mnasnet", quantization="float32", dataset="val")
BENCHMARK = (
    "INFO: Graph: [m.tflite]\nINFO: Num threads: [4]\nINFO: Initialized session in 134.52ms.\n"
    "INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 9 seconds.\n"
    "INFO: count=1 curr=18535\n\n"
    "INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 9 seconds.\n"
    "INFO: count=70 first=18535 curr=14471 min=14210 max=18535 avg=14462.3 std=720 p5=14233 median=14398 p95=15012\n\n"
    "INFO: Inference timings in us: Init: 134520, First inference: 18535, Warmup (avg): 14462.3, "
    "Inference (avg): 14575.2\n"
)
EVALUATION = (
    "Replacing 31 out of 31 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 1 partitions.\n"
    "INFO: Num evaluation runs: 300\nINFO: Inference latency: avg=76578.4(us), std_dev=600(us)\n"
    "INFO: Top-1 Accuracy: 0.733333\nINFO: Top-2 Accuracy: 0.8\n"
)
MADE = specimens.app_session(3, TWO)
LOGS = [specimens.result_log(MADE), specimens.program_log(MADE), BENCHMARK, EVALUATION, LITERT, TORCH, CAFFE2]


def test_untouched_originals_are_kept_and_a_file_is_imported_once(space, app_files):
    files = app_files(MADE)
    imported(space, *files)
    [folder] = whole_runs(space)
    for path in files:
        assert (folder / "native" / path.name).read_bytes() == path.read_bytes()
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert {file["sha256"] for file in run["imported"]["files"]} == hashes
    again = imported(space, *files)
    assert again.runs == [] and len(again.refused) == 2
    assert str(again.refused[0]) == (
        f"{files[0]} was already imported into {folder}: remove that folder to import it again."
    )
    assert whole_runs(space) == [folder]


def test_the_same_file_twice_in_a_call_is_refused_once(space, save):
    first, second = save("a", LOGS[0]), save("b", LOGS[0])
    result = imported(space, first, second)
    assert [str(error) for error in result.refused] == [f"{second} is the same file as {first}: name it only once."]
    assert len(whole_runs(space)) == 1


def test_good_files_are_imported_and_bad_ones_named(space, save):
    good = [save("result", LOGS[0]), save("bench", BENCHMARK)]
    bad = [save("empty", ""), save("other", "Dear diary"), save("binary", b"\0\1"), save("cut", LOGS[1][:300])]
    result = import_files([*bad[:2], *good, *bad[2:]], ALL_LABELS, space)
    assert len(whole_runs(space)) == 2
    assert [str(error).split(" ")[0] for error in result.refused] == [str(path) for path in bad]


def test_files_of_one_name_are_both_kept(space, save, tmp_path):
    (tmp_path / "other").mkdir()
    first, second = save("log", LOGS[0]), save("other/log", LOGS[1])
    imported(space, first, second)
    [folder] = whole_runs(space)
    assert sorted(path.name for path in (folder / "native").iterdir()) == ["2-log", "log"]


def test_an_import_that_is_interrupted_leaves_nothing(space, app_files, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(input_files, "copy_source", interrupted)
    with pytest.raises(KeyboardInterrupt):
        imported(space, *app_files(MADE))
    assert list(space.raw.rglob("*")) == []


def test_a_workspace_that_cannot_be_written_is_one_sentence(space, app_files, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(input_files, "copy_source", full)
    with pytest.raises(SetupError, match=r"data/raw cannot be written \(No space left on device\)"):
        imported(space, *app_files(MADE))
    assert list(space.raw.rglob("*")) == []


def test_runs_that_cannot_be_read_are_no_reason_to_stop(space, app_files):
    (space.raw / "a" / "b").mkdir(parents=True)
    (space.raw / "a" / "b" / "run.json").write_text("{")
    assert len(imported(space, *app_files(MADE)).runs) == 1


@pytest.mark.parametrize("device", ["Pixel", " ", ""])
def test_a_device_is_a_maker_and_a_model(space, app_files, device):
    with pytest.raises(LogError, match='write it in the form "Xiaomi Mi 10"'):
        imported(space, *app_files(MADE), device=device)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/local/tmp/tflite_int8_mnasnet.tflite", ("tflite", "int8", "mnasnet")),
        ("C:\\models\\tflite_float32_squeezenet1_1.tflite", ("tflite", "float32", "squeezenet1_1")),
        ("MobileNet-V2.tflite", (None, None, "mobilenet_v2")),
        ("squeezenet_1.0.tflite", (None, None, "squeezenet")),
        ("mobilenet_v2_1.4_224.tflite", ()),  # a wider network
        ("resnet50_v2.tflite", ()),
        ("m.tflite", ()),
        ("", ()),
    ],
)
def test_a_model_file_name_gives_only_certain_facts(path, expected):
    names = dict(zip(("framework", "quantization", "model"), expected, strict=False))
    assert of_file(path) == {name: value for name, value in names.items() if value}


@given(st.text())
def test_every_name_of_a_model_can_name_an_instance(text):
    rawlog_name = rawlog.attempt_path("x", f"tflite_cpu_float32_{model_name(text)}", 1).name
    assert rawlog.ATTEMPT_NAME.fullmatch(rawlog_name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a folder for many examples, each with its own workspace below it."""
    return tmp_path_factory.mktemp("examples")


def check_import(folder, content: list[bytes]) -> None:
    """Import files with these contents into a new workspace, and check that it has only complete runs afterwards."""
    space = Workspace(folder / hashlib.sha256(repr(content).encode()).hexdigest()[:12])
    space.root.mkdir(exist_ok=True)
    paths = []
    for number, data in enumerate(content):
        paths.append(space.root / f"log{number}")
        paths[-1].write_bytes(data)
    result = import_files(paths, ALL_LABELS, space)
    assert len(result.runs) + len(result.refused) > 0
    for error in result.refused:
        assert str(error).endswith(".") and "\n" not in str(error)
    fresh = {folder for folder, _, _ in result.runs}
    assert fresh <= set(whole_runs(space))


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_any_bytes_give_sentences_and_nothing_half_written(shared, content):
    check_import(shared, content)


edits = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 200),
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from([b"", b"-", b"NaN", b"1e999", b"9" * 30, b"\n", b":", b"  -  ", b"=", b"Infinity", b"0"]),
        ),
    ),
    min_size=1,
    max_size=4,
)


@examples(120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(LOGS), edits), min_size=1, max_size=2))
def test_damaged_logs_give_sentences_and_nothing_half_written(shared, logs):
    content = []
    for text, changes in logs:
        data = text.encode()
        for at, length, new in changes:
            start = at % (len(data) + 1)
            data = data[:start] + new + data[start + length :]
        content.append(data)
    check_import(shared, content)


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(LOGS), st.integers(0, 10_000))
def test_logs_that_are_cut_give_sentences_and_nothing_half_written(shared, text, length):
    check_import(shared, [text.encode()[: length % (len(text) + 1)]])
