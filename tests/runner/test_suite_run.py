"""Tests of running the suite from Python, and that the command runs it in the same way."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from aiot_suite.errors import RunnerError, SelectionError
from aiot_suite.suite import Instance, draw_balanced_order
from runner import rawlog
from runner.devices.choice import Choice
from runner.suite_run import unfinished_runs
from tests.command import aiot, refused
from tests.runner.conftest import TINY

OURS = {"models": ["squeezenet", "mnasnet"], "frameworks": "tflite,pytorch", "delegates": "cpu"}
"""Options that select the three tiny networks, and five instances without a model file."""
WORDS = ["--models", "squeezenet", "--models", "mnasnet", "--frameworks", "tflite,pytorch", "--delegates", "cpu"]


@pytest.fixture
def run(workspace):
    """Return a function that runs the suite on this machine, in the workspace of the tiny networks."""

    def start(**options):
        return runner.run_suite(**{"devices": "local", "workspace": workspace.root, **OURS, **options})

    return start


def record_of(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def endings(folder):
    """Return how the first attempt of each instance ended, according to the last line of its log."""
    logs = {path.name.split(".")[0]: path.read_text(encoding="utf-8") for path in folder.glob("*.1.jsonl")}
    return {instance: json.loads(text.splitlines()[-1])["event"] for instance, text in logs.items()}


def test_the_outcome_is_what_the_raw_logs_say(run, workspace):
    reported = []
    outcome = run(passes=2, warmups=1, max_images=5, threads=1, seed=3, report=reported.append)
    [folder] = outcome.folders
    [only_run] = outcome.runs
    assert reported == [[only_run]]
    assert rawlog.run_folders(workspace.raw) == [folder]
    assert {entry.instance_id: entry.status for entry in only_run.entries} == endings(folder)
    assert sorted(name for name, ending in endings(folder).items() if ending == "end") == sorted(
        instance.id for instance in TINY
    )
    assert [entry.instance_id for entry in only_run.entries] == record_of(folder)["suite"]
    for instance in TINY:
        attempt = rawlog.read_attempt(rawlog.attempt_path(folder, instance.id, 1))
        assert (len(attempt.of("warmup")), len(attempt.of("image"))) == (1, 2 * 5)
    assert (outcome.devices, outcome.planned, only_run.error) == (("local",), (), None)
    assert not outcome.failed, "instances that are unavailable are no failures"


def test_a_suite_of_a_file_is_run_and_its_name_is_recorded(workspace, tmp_path):
    """The suite has the two tiny networks in TFLite; the paper's suite has no name, as in earlier versions."""
    file = tmp_path / "mine.toml"
    file.write_text('models = ["squeezenet", "mnasnet"]\nframeworks = ["tflite"]\nquantizations = ["float32"]\n')
    result = aiot("run", "--local", "--suite", file, "--images", 2, "--workspace", workspace.root)
    assert result.returncode == 0, result.stderr
    [folder] = rawlog.run_folders(workspace.raw)
    expected = {"tflite_cpu_float32_squeezenet", "tflite_cpu_float32_mnasnet"}
    assert (record_of(folder)["suite_name"], set(record_of(folder)["suite"])) == ("mine", expected)
    [paper] = runner.run_suite("local", workspace=workspace.root, suite="full", max_images=2, **OURS).folders
    assert record_of(paper)["suite_name"] is None
    unknown = aiot("run", "--local", "--suite", "tomorrow", "--workspace", workspace.root)
    assert unknown.stderr == (
        "aiot: Suite 'tomorrow' is unknown: choose from paper, float32, quantized, today, or name a file like "
        "my-suite.toml.\n"
    )


def test_todays_suite_needs_no_converter_to_list_what_it_would_run(workspace):
    """Networks of torchvision are known by name; those without a file are unavailable, with the command to make one."""
    planned = runner.run_suite("local", workspace=workspace.root, suite="today", dry_run=True).planned
    assert {Instance.parse(entry.instance_id).framework for entry in planned} == {
        *("tflite", "onnxruntime", "executorch", "ncnn", "mnn")
    }
    [vit] = [entry for entry in planned if entry.instance_id == "tflite_cpu_float32_vit_b_16"]
    assert vit.obstacle["remedy"] == "`aiot models prepare --models vit_b_16 --frameworks tflite`"
    ready = {entry.instance_id for entry in planned if not entry.obstacle}
    assert ready == {instance.id for instance in TINY if instance.framework == "tflite"}


def test_a_failed_instance_is_in_the_outcome_and_is_retried_on_resume(run, workspace):
    model = workspace.models / "sample" / "tflite_int8_squeezenet.tflite"
    content = model.read_bytes()
    model.write_bytes(b"no model")
    first = run()
    assert first.failed
    assert endings(first.folders[0])["tflite_cpu_int8_squeezenet"] == "failed"
    model.write_bytes(content)
    second = run(resume=True)
    assert (second.folders, second.failed) == (first.folders, False)
    [entry] = [entry for entry in second.runs[0].entries if entry.instance_id == "tflite_cpu_int8_squeezenet"]
    assert (entry.status, entry.attempts) == ("end", 2)


def test_each_way_of_resizing_is_a_run_of_the_outcome(run):
    outcome = run(models="mnasnet", frameworks="pytorch", resize=["square_crop", "crop_resize"])
    assert [study_run.resize for study_run in outcome.runs] == [
        record_of(study_run.folder)["resize"] for study_run in outcome.runs
    ]
    assert [study_run.resize for study_run in outcome.runs] == ["crop_resize", "square_crop"]


def test_the_command_has_the_same_order_for_the_same_seed(run, workspace):
    instances = [Instance(name, "cpu", "float32", model) for name in ("tflite", "pytorch") for model in OURS["models"]]
    expected = [instance.id for instance in draw_balanced_order(instances, 5)]
    [from_python] = run(quantizations="float32", seed=5).folders
    done = aiot("run", "--local", "--workspace", workspace.root, *WORDS, "--quantizations", "float32", "--seed", "5")
    assert done.returncode == 0, done.stderr
    by_command = rawlog.run_folders(workspace.raw)[-1]
    assert by_command != from_python
    assert record_of(from_python)["suite"] == record_of(by_command)["suite"] == expected
    differs = {name for name, value in record_of(from_python).items() if value != record_of(by_command)[name]}
    assert differs <= {"run_id", "started", "ended", "boots", "held"}, "the command asks for the same"


def test_a_dry_run_is_the_plan_that_the_command_prints(run, workspace):
    outcome = run(dry_run=True, seed=2)
    assert outcome.runs == () and not workspace.raw.exists()
    printed = aiot("run", "--local", "--workspace", workspace.root, *WORDS, "--seed", "2", "--dry-run").stdout
    ready = {planned.instance_id: not planned.obstacle for planned in outcome.planned}
    assert {name for name, is_ready in ready.items() if is_ready} == {instance.id for instance in TINY}
    assert [line.split()[0] for line in printed.splitlines()] == list(ready)
    assert {line.split()[0] for line in printed.splitlines() if line.endswith(" ready")} == {
        instance.id for instance in TINY
    }
    assert not workspace.raw.exists()


def test_the_example_of_the_documentation_runs(workspace, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    [example] = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "run_suite" in code]
    monkeypatch.chdir(workspace.root)
    names = {}
    exec(example, names)
    [folder] = names["outcome"].folders
    record = record_of(workspace.root / folder)
    assert (record["profile"]["name"], record["seed"], record["order"]["seed"]) == ("quick", 1, 1)
    measured = {name for name, ending in endings(workspace.root / folder).items() if ending == "end"}
    assert measured == {instance.id for instance in TINY if instance.framework == "tflite"}


@pytest.mark.parametrize(
    "options, words",
    [
        ({"models": "nothing"}, ["--models", "nothing"]),
        ({"profile": "fast"}, ["--profile", "fast"]),
        ({"profile": "sustained"}, ["--profile", "sustained"]),
        ({"resize": "nearest"}, ["--resize", "nearest"]),
        ({"cores": "fast"}, ["--cores", "fast"]),
        ({"dataset": "none"}, ["--dataset", "none"]),
        ({"nnapi_accelerator": "dsp"}, ["--nnapi-accelerator", "dsp"]),
        ({"native_tools": "nowhere"}, ["--native-tools", "nowhere"]),
    ],
)
def test_errors_are_the_sentences_of_the_command(workspace, options, words):
    with pytest.raises(RunnerError) as raised:
        runner.run_suite("local", workspace=workspace.root, **options)
    assert refused(aiot("run", "--local", "--workspace", workspace.root, *words)) == f"aiot: {raised.value}"
    assert not workspace.raw.exists()


def test_without_a_device_nothing_runs(workspace, monkeypatch):
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    with pytest.raises(SelectionError, match=r"^No device is selected"):
        runner.run_suite(workspace=workspace.root)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"threads": 0}, "threads is 0, but must be at least 1."),
        ({"passes": 0}, "passes is 0, but must be at least 1."),
        ({"max_images": 0}, "max_images is 0, but must be at least 1."),
        ({"warmups": -1}, "warmups is -1, but must be at least 0."),
        ({"timeout_s": 0.5}, "timeout_s is 0.5, but must be at least 1."),
        ({"cooldown_s": -1.0}, "cooldown_s is -1.0, but must be at least 0."),
        ({"patience_s": float("nan")}, "patience_s is nan, but must be at least 0."),
    ],
)
def test_numbers_that_the_command_line_refuses_are_refused(run, options, sentence):
    with pytest.raises(SelectionError) as raised:
        run(**options)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    "devices, choice",
    [
        ("local", Choice(local=True)),
        ("all", Choice(every=True)),
        ("R58M", Choice(serials=["R58M"])),
        (["R58M", "local", "emulator-5554"], Choice(local=True, serials=["R58M", "emulator-5554"])),
        (Choice(local=True, keep_serial=True), Choice(local=True, keep_serial=True)),
    ],
)
def test_devices_are_named_by_words_and_serial_numbers(workspace, monkeypatch, devices, choice):
    def refuse(requested, space):
        assert (requested.local, list(requested.serials), requested.every) == (
            choice.local,
            list(choice.serials),
            choice.every,
        )
        assert requested.keep_serial == choice.keep_serial and space == workspace
        raise SelectionError("no further")

    monkeypatch.setattr("runner.suite_run.select_devices", refuse)
    with pytest.raises(SelectionError, match="no further"):
        runner.run_suite(devices, workspace=str(workspace.root))


def test_the_package_needs_only_the_standard_library_until_it_runs_something():
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); import runner\n"
        "print(*(name for name in sys.modules if name.startswith(('runner', 'aiot'))))\n"
        "print({'RunOutcome', 'run_suite'} <= set(dir(runner)))\n"
        "try:\n    runner.nothing\nexcept AttributeError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["runner", "True", "module 'runner' has no attribute 'nothing'"], done.stderr


def test_runs_of_devices_that_take_no_part_are_named_when_others_are_resumed(run, workspace, monkeypatch):
    """Only the newest run of a device counts: the first one is finished, and the second one is not."""
    monkeypatch.setattr("runner.devices.local.LocalDevice.slug", "other")
    first, second = run().folders[0], run().folders[0]
    assert unfinished_runs(workspace.raw, without=[]) == {}
    for log in [path for path in second.glob("*.jsonl") if path.name != "telemetry.jsonl"][1:]:
        log.unlink()
    remaining = len(record_of(second)["suite"]) - 1
    assert unfinished_runs(workspace.raw, without=["local"]) == {second: remaining}
    assert unfinished_runs(workspace.raw, without=["other"]) == {}
    (second / "run.json").write_text("{")
    assert unfinished_runs(workspace.raw, without=[]) == {}, "one that cannot be read cannot be resumed"
    assert first != second
