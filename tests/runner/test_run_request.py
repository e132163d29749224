import errno
import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from importlib import metadata

import pytest

from aiot_suite.errors import RunnerError
from aiot_suite.suite import Instance
from aiot_suite.workspace import Workspace
from runner import execution, fleet, ledger, rawlog, reservations, run_request
from runner.devices import Conditions
from runner.devices.local import LocalDevice
from runner.preflight import preflight
from tests.command import aiot
from tests.runner.conftest import TINY

EXTRA = [Instance("tflite", "nnapi", "float32", "squeezenet"), Instance("caffe2", "cpu", "float32", "squeezenet")]


@pytest.fixture
def request_(request_):
    """Return the request with two additional instances, which cannot run on this machine."""
    return replace(request_, instances=[*TINY, *EXTRA])


@pytest.fixture
def device(workspace):
    return LocalDevice(workspace.staging, "salt")


def silent(*_):
    pass


def answers(path):
    """Return the answers of an attempt without its times."""
    return [(event["query"], event["image"], event["top5"]) for event in rawlog.read_attempt(path).of("image")]


def test_a_run_measures_what_it_can_and_says_why_not_for_the_rest(workspace, device, request_):
    folder = run_request.create_run(workspace, device, request_)
    entries = {entry.instance_id: entry for entry in execution.execute(folder, device, request_, silent)}
    assert {instance: entry.status for instance, entry in entries.items()} == {
        **{instance.id: "end" for instance in TINY},
        **{instance.id: "unavailable" for instance in EXTRA},
    }
    assert entries["tflite_nnapi_float32_squeezenet"].last["reason"] == "NNAPI is part of Android"
    caffe2 = entries["caffe2_cpu_float32_squeezenet"].last
    assert caffe2["reason"] == "caffe2 needs the legacy environment (Python 3.9, torch 1.10.2)"
    assert caffe2["remedy"].startswith("`aiot frameworks install legacy`, then `aiot models prepare")
    for instance in TINY:
        attempt = rawlog.read_attempt(rawlog.attempt_path(folder, instance.id, 1))
        assert len(attempt.of("warmup")) == 1
        assert [event["query"] for event in attempt.of("image")] == list(range(24))
        assert attempt.last["correct"] == sum(event["top5"][0][0] == event["label"] for event in attempt.of("image"))
        assert attempt.of("load")[0]["model_sha256"] == request_.artifacts[instance.artifact].sha256
        assert attempt.last["peak_rss_kb"] > 10_000
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert sorted(record["suite"]) == sorted(instance.id for instance in request_.instances)
    assert record["ended"] >= record["started"]
    [boot] = record["boots"]
    assert boot["boot_id"] == device.boot().boot_id and len(boot["boot_id"]) == 16
    sample = rawlog.read_telemetry(folder / "telemetry.jsonl")[0][0]
    assert {"at", "instance", "frequency_mhz", "load_average"} <= set(sample)


def test_the_two_frameworks_agree_on_the_same_network(workspace, device, request_):
    folder = run_request.create_run(workspace, device, request_)
    execution.execute(folder, device, request_, silent)
    tflite, pytorch = (answers(rawlog.attempt_path(folder, instance.id, 1)) for instance in (TINY[0], TINY[2]))
    for (_, _, tflite_top5), (_, _, pytorch_top5) in zip(tflite, pytorch, strict=True):
        assert tflite_top5[0][0] == pytorch_top5[0][0]
        assert tflite_top5[0][1] == pytest.approx(pytorch_top5[0][1], rel=1e-4, abs=1e-4)


def test_an_image_that_cannot_be_decoded_counts_as_wrong_and_is_listed(workspace, device, request_):
    request_.dataset.path("3.jpg").write_bytes(b"not a picture")
    folder = run_request.create_run(workspace, device, request_)
    execution.execute(folder, device, request_, silent)
    attempt = rawlog.read_attempt(rawlog.attempt_path(folder, TINY[0].id, 1))
    failed = attempt.of("image_failed")
    assert [event["image"] for event in failed] == ["3.jpg", "3.jpg"]
    assert "cannot identify image file" in failed[0]["reason"]
    assert (attempt.last["images"], attempt.last["failed_images"]) == (22, 2)


def test_a_model_file_that_is_none_fails_in_one_sentence_and_the_rest_goes_on(workspace, device, request_):
    request_.artifacts[TINY[0].artifact].path.write_bytes(b"not a model")
    folder = run_request.create_run(workspace, device, request_)
    entries = {entry.instance_id: entry for entry in execution.execute(folder, device, request_, silent)}
    assert entries[TINY[0].id].status == "failed"
    assert "ValueError" in entries[TINY[0].id].last["reason"]
    assert [entries[instance.id].status for instance in TINY[1:]] == ["end", "end"]


def test_a_model_of_other_classes_is_not_run(workspace, device, request_):
    other = replace(request_.dataset, label_space="imagenet-1000")
    artifact = request_.artifacts[TINY[0].artifact]
    obstacle = preflight(TINY[0], artifact, request_.catalog, other, device)
    assert obstacle["reason"] == "the model has the classes of sample-100, but the dataset has those of imagenet-1000"
    beyond = replace(request_.dataset, images=(("0.jpg", 100),))
    obstacle = preflight(TINY[0], artifact, request_.catalog, beyond, device)
    assert obstacle["reason"] == "the model has 100 classes, but the dataset has label 100"


def test_a_model_file_for_another_layout_is_not_run(workspace, device, request_):
    """The file would run, but give wrong answers."""
    artifact = request_.artifacts[TINY[0].artifact]
    turned = replace(artifact, settings=artifact.settings.with_layout("NCHW"))
    obstacle = preflight(TINY[0], turned, request_.catalog, request_.dataset, device)
    assert obstacle["reason"] == "the model file was made for the layout NCHW, but tflite takes NHWC"


def test_too_slow_an_instance_is_ended(workspace, device, request_):
    request = replace(request_, timeout_s=0.5, profile=replace(request_.profile, min_duration_s=60))
    folder = run_request.create_run(workspace, device, replace(request, instances=TINY[:1]))
    (entry,) = execution.execute(folder, device, request, silent)
    assert entry.status == "failed"
    assert entry.last["reason"] == "it took longer than 0.5 s"


def test_one_device_is_used_by_one_run_at_a_time(workspace, device, request_):
    """A second run is refused and leaves no files, in the same workspace as well as in another one."""
    other = LocalDevice(workspace.staging, "salt")
    [started] = fleet.run_all(workspace, [device], replace(request_, instances=TINY[:1]), False, [silent])
    assert device.reserve("first") == []
    for space in (workspace, Workspace(workspace.root / "other")):
        [outcome] = fleet.run_all(space, [other], request_, False, [silent])
        assert re.fullmatch(rf"local is in use by run first \(process {os.getpid()} on .*\): .*", str(outcome.error))
        assert outcome.folder is None and rawlog.run_folders(space.raw) in ([], [started.folder])
    device.release()
    with execution.device_locked(workspace.raw / "local"):
        [outcome] = fleet.run_all(workspace, [other], request_, False, [silent])
        assert "Another run is using the device local" in str(outcome.error)
    assert rawlog.run_folders(workspace.raw) == [started.folder]


def test_a_second_run_waits_for_the_first_if_asked(workspace, device, request_, monkeypatch):
    monkeypatch.setattr(reservations, "WAIT_INTERVAL_S", 0.05)
    other = LocalDevice(workspace.staging, "salt")
    other.reserve("first")
    threading.Timer(0.5, other.release).start()
    began = time.monotonic()
    [outcome] = fleet.run_all(
        workspace, [device], replace(request_, instances=TINY[:1]), False, [silent], if_busy="wait"
    )
    assert not outcome.failed and time.monotonic() - began > 0.4


def test_an_empty_run_does_not_hide_the_unfinished_one_before_it(workspace, device, request_, monkeypatch):
    """Refused runs of earlier versions left empty runs. Attempts that are only on the device count, too."""
    folders = [run_request.create_run(workspace, device, request_) for _ in range(3)]

    def run_to_resume():
        return run_request.find_run_to_resume(workspace, device, request_)

    assert run_to_resume() == folders[2]
    monkeypatch.setattr(device, "unfetched", lambda: {folders[1].name: [f"{TINY[0].id}.1"]})
    assert run_to_resume() == folders[1]
    monkeypatch.undo()
    rawlog.close_attempt(rawlog.attempt_path(folders[0], TINY[0].id, 1), "failed", reason="cut")
    assert run_to_resume() == folders[0]
    (folders[2] / "run.json").write_text("{")
    assert run_to_resume() == folders[0], "a broken run.json does not hide it either"
    for instance in TINY + EXTRA:
        rawlog.close_attempt(rawlog.attempt_path(folders[0], instance.id, 2), "unavailable", reason="no", remedy="none")
    assert run_to_resume() == folders[1], "that one is finished"


@pytest.mark.parametrize(
    "code, sentence",
    [
        (errno.ENOSPC, r"^No space is left in .*: free some space, then repeat the command with `--resume`\.$"),
        (errno.EROFS, r"cannot be written to: make it writable, then repeat the command with `--resume`\.$"),
    ],
)
def test_a_run_that_cannot_be_written_is_one_sentence(workspace, device, request_, monkeypatch, code, sentence):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    folder = run_request.create_run(workspace, device, request_)
    monkeypatch.setattr(device, "push", refuse)
    with pytest.raises(RunnerError, match=sentence):
        execution.execute(folder, device, request_, silent)


def test_an_interrupted_attempt_is_closed_and_tried_again(workspace, device, request_):
    request = replace(request_, profile=replace(request_.profile, min_duration_s=30), instances=TINY[:1])
    folder = run_request.create_run(workspace, device, request)

    def interrupt(event, instance, details):
        if event == "progress" and len(details["tail"]) > 3000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execution.execute(folder, device, request, interrupt)
    (entry,) = ledger.read(folder)
    assert (entry.status, entry.last["reason"], entry.next_attempt) == ("failed", "the run was interrupted", 2)


@pytest.mark.parametrize(
    ("changed", "before", "now"),
    [
        ("python_version", f"Python {platform.python_version()}", "3.99.0"),
        ("framework_version", f"ai-edge-litert {metadata.version('ai-edge-litert')}", "ai-edge-litert 99"),
    ],
)
def test_a_run_is_not_resumed_with_other_versions(workspace, device, request_, monkeypatch, changed, before, now):
    """Python or the framework is upgraded when one instance is finished and the next one is not."""
    folder = run_request.create_run(workspace, device, replace(request_, instances=TINY[:2]))
    carry_out = execution.carry_out

    def one_only(device_, task, *more):
        if rawlog.attempt_paths(folder):
            raise KeyboardInterrupt
        return carry_out(device_, task, *more)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(execution, "carry_out", one_only)
        execution.execute(folder, device, request_, silent)
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert record["software"]["device_python"] == platform.python_version()
    statuses = [entry.status for entry in ledger.read(folder)]
    assert statuses == ["end", "missing"]
    with monkeypatch.context() as patch:
        patch.setattr(execution, changed, lambda *_: (True, now) if changed == "framework_version" else now)
        with pytest.raises(RunnerError) as refused:
            execution.execute(folder, device, request_, silent)
    assert str(refused.value) == (
        f"Run {folder.name} was measured with {before}, and local has {now} now: install the former version "
        "to finish the run, or start a new run with the same command without `--resume`."
    )
    assert [entry.status for entry in ledger.read(folder)] == statuses
    assert [entry.status for entry in execution.execute(folder, device, request_, silent)] == ["end", "end"]
    # nothing is left to measure, so versions cannot be mixed
    monkeypatch.setattr(execution, "python_version", lambda *_: "3.99.0")
    assert [entry.status for entry in execution.execute(folder, device, request_, silent)] == ["end", "end"]


def test_a_run_without_a_measurement_takes_the_python_that_there_is(workspace, device, request_, monkeypatch):
    folder = run_request.create_run(workspace, device, replace(request_, instances=TINY[:1]))
    for version in ("3.11.1", "3.12.1"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(execution, "python_version", lambda *_, version=version: version)
            patch.setattr(execution, "carry_out", interrupt)
            execution.execute(folder, device, request_, silent)
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        assert record["software"]["device_python"] == version


def interrupt(*_):
    raise KeyboardInterrupt


def command(workspace, *options):
    return ["run", "--local", "--workspace", str(workspace.root), *options]


@pytest.mark.slow
def test_a_run_killed_in_mid_instance_resumes_to_the_same_result(workspace, device):
    options = ["--models", "squeezenet", "--frameworks", "tflite", "--delegates", "cpu", "--repeat", "300"]
    process = subprocess.Popen([sys.executable, "-m", "aiot", *command(workspace, *options)], stdout=subprocess.DEVNULL)
    raw = workspace.raw / "local"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        logs = {path: path.read_bytes() for path in raw.glob("*/*.1.jsonl")}
        finished = {path: text for path, text in logs.items() if b'"event":"end"' in text}
        running = [path for path, text in logs.items() if path not in finished and text.count(b"\n") > 100]
        if finished and running:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1)  # the agent notices at its next image that the runner has ended

    result = aiot(*command(workspace, *options, "--resume"))
    assert result.returncode == 0, result.stderr
    assert len([path for path in raw.iterdir() if path.is_dir()]) == 1
    for path, text in finished.items():
        assert path.read_bytes() == text, "a finished attempt was touched"
    (cut,) = running
    assert rawlog.read_attempt(cut).status == "failed"
    again = cut.with_name(cut.name.replace(".1.", ".2."))
    assert rawlog.read_attempt(again).status == "end"
    part = answers(cut)
    assert len(part) > 90
    assert answers(again)[: len(part)] == part
    assert len(answers(again)) == 300 * 12

    before = sorted(path.relative_to(raw) for path in raw.rglob("*"))
    result = aiot(*command(workspace, *options, "--resume"))
    assert (result.returncode, "2 instances measured" in result.stdout) == (0, True)
    assert sorted(path.relative_to(raw) for path in raw.rglob("*")) == before, "a finished run was begun again"


def test_bad_names_are_one_sentence_and_exit_code_1(workspace):
    result = aiot(*command(workspace, "--models", "nothing"))
    assert result.returncode == 1
    assert result.stderr == (
        "aiot: Model 'nothing' is unknown: choose from resnet50, inception_v3, densenet121, squeezenet, "
        "mobilenet_v2, mnasnet, a classifier of torchvision, or one of timm, as timm:NAME.\n"
    )


def test_a_dry_run_writes_nothing(workspace):
    result = aiot(*command(workspace, "--dry-run", "--models", "squeezenet"))
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["tflite_cpu_int8_squeezenet"] == "ready"
    assert lines["tflite_cpu_float16_squeezenet"] == "unavailable: the model is not prepared"
    assert not workspace.raw.exists()


def test_a_newer_request_begins_a_new_run(workspace, device, request_):
    folder = run_request.create_run(workspace, device, request_)
    assert run_request.find_run_to_resume(workspace, device, request_) == folder
    execution.execute(folder, device, request_, silent)
    assert run_request.find_run_to_resume(workspace, device, replace(request_, threads=2)) is None
    other = {name: replace(artifact, sha256="f" * 64) for name, artifact in request_.artifacts.items()}
    assert run_request.find_run_to_resume(workspace, device, replace(request_, artifacts=other)) is None
    assert json.loads((folder / "run.json").read_text())["threads"] == 1


def test_a_second_run_takes_the_reverse_order_and_the_same_images(workspace, device, request_):
    """The order of a resumed run stays the same, whatever was run before."""
    request = replace(request_, profile=replace(request_.profile, max_images=5))
    folders = []
    for _ in range(2):
        folders.append(run_request.create_run(workspace, device, request))
        assert run_request.find_run_to_resume(workspace, device, request) == folders[-1]
        execution.execute(folders[-1], device, request, silent)
        assert run_request.find_run_to_resume(workspace, device, request) == folders[-1]
    assert run_request.find_run_to_resume(workspace, device, replace(request, order_seed=1)) is None
    first, second = (rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in folders)
    assert second["suite"] == first["suite"][::-1] and second["order"]["reverse_of"] == first["run_id"]
    shown = {
        tuple(image for _, image, _ in answers(rawlog.attempt_path(folder, instance.id, 1)))
        for folder in folders
        for instance in TINY
    }
    assert len(shown) == 1 and len(set(*shown)) == 5


def test_a_dry_run_shows_the_order_of_the_next_run(workspace):
    options = ["--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32,int8"]
    for more in ([], ["--seed", "3"], []):
        shown = aiot(*command(workspace, "--dry-run", *options, *more)).stdout.splitlines()
        assert aiot(*command(workspace, *options, *more)).returncode == 0
        record = rawlog.read_json(rawlog.run_folders(workspace.raw)[-1] / "run.json", rawlog.RUN_FIELDS)
        assert [line.split()[0] for line in shown] == record["suite"]
        assert record["seed"] == (3 if more else 0)
    assert record["order"]["reversed"], "the run with a seed of its own has other images, and is no partner"


def test_runs_sort_by_the_time_they_began(workspace, device, request_):
    folders = []
    for _ in range(20):
        folders.append(run_request.create_run(workspace, device, request_))
        time.sleep(0.002)
    assert rawlog.run_folders(workspace.raw) == folders
    assert run_request.find_run_to_resume(workspace, device, request_) == folders[-1]


def ways_there(workspace):
    """Return the way of resizing and the folder of each run of the study, in order."""
    folders = rawlog.run_folders(workspace.raw)
    records = [json.loads((folder / "run.json").read_text()) for folder in folders]
    return [(record["resize"], folder) for record, folder in zip(records, folders, strict=True) if record["study"]]


def test_each_way_of_resizing_is_a_run_of_a_study_with_the_same_model_files(workspace, device, request_):
    request = replace(request_, instances=TINY[:1])
    other = run_request.create_run(workspace, device, request)
    execution.execute(other, device, request, silent)
    options = ["--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32", "--delegates", "cpu"]
    words = command(workspace, *options, "--resize", "square_crop,crop-resize")
    result = aiot(*words)
    assert result.returncode == 0, result.stderr
    (first, crop), (second, square) = ways_there(workspace)
    assert (first, second) == ("crop_resize", "square_crop")
    for way, folder in ((first, crop), (second, square)):
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        [model] = record["models"].values()
        assert (record["study"], record["suite"]) == ("resize", [TINY[0].id])
        assert model["preprocess"]["resize"] == way
        assert model["sha256"] == request_.artifacts[TINY[0].artifact].sha256
        assert f"{way}: 1 instance" in result.stdout
        [job] = (folder / "native").glob("*.job.json")
        assert json.loads(job.read_text())["settings"]["resize"] == way
    scores = [answers(rawlog.attempt_path(folder, TINY[0].id, 1)) for folder in (crop, square)]
    assert scores[0] == answers(rawlog.attempt_path(other, TINY[0].id, 1))[:12]
    assert scores[0] != scores[1]
    assert run_request.find_run_to_resume(workspace, device, request) == other


def test_a_study_of_resizing_resumes_each_way_separately(workspace, device, request_):
    narrowed = replace(request_, instances=TINY[:1])
    ways = {way: narrowed.with_resize(way) for way in ("crop_resize", "square_crop")}
    assert [run_request.find_run_to_resume(workspace, device, way) for way in ways.values()] == [None, None]
    folders = {way: run_request.create_run(workspace, device, request) for way, request in ways.items()}
    execution.execute(folders["square_crop"], device, ways["square_crop"], silent)
    assert run_request.find_run_to_resume(workspace, device, narrowed) is None  # a study is not a run of the suite
    for way, request in ways.items():
        assert run_request.find_run_to_resume(workspace, device, request) == folders[way]
    assert run_request.find_run_to_resume(workspace, device, narrowed.with_resize("resize_crop")) is None
    threads = replace(ways["square_crop"], threads=2)
    assert run_request.find_run_to_resume(workspace, device, threads) is None


def test_conditions_are_asked_for_recorded_and_judged(workspace, device, request_):
    """This machine has no fixed-performance mode, which the output and the raw log state."""
    options = ["--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32", "--delegates", "cpu"]
    result = aiot(*command(workspace, *options, "--fixed-performance"))
    assert result.returncode == 0, result.stderr
    sentence = "the request for fixed performance was refused: it is a mode of Android, which this machine does not run"
    assert sentence in " ".join(result.stderr.split())
    [folder] = rawlog.run_folders(workspace.raw)
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert record["conditions"] == {"fixed_performance": True, "cores": "all"}
    [applied] = record["held"]
    assert (applied["fixed_performance"], list(applied["refused"])) == (False, ["fixed_performance"])
    assert applied["cores_allowed"]
    assert run_request.requested_conditions(record) == Conditions(fixed_performance=True)
    again = aiot(*command(workspace, *options, "--fixed-performance", "--resume"))
    assert (again.returncode, len(rawlog.run_folders(workspace.raw))) == (0, 1)
    assert aiot(*command(workspace, *options, "--resume")).returncode == 0
    first, second = rawlog.run_folders(workspace.raw)
    assert (first, rawlog.read_json(second / "run.json", rawlog.RUN_FIELDS)["conditions"]) == (folder, None)
    assert run_request.refused_conditions(second) == []
    dark = {**applied, "refused": {"screen_on": "the screen is off (Asleep)", "cores": "they were not requested"}}
    rawlog.write_json(folder / "run.json", {**record, "held": [dark, dark]}, rawlog.RUN_FIELDS)
    assert run_request.refused_conditions(folder) == ["the screen does not stay on: the screen is off (Asleep)"]


@pytest.mark.parametrize(
    "conditions, expected",
    [
        (None, Conditions()),
        ({}, Conditions()),
        ({"fixed_performance": 1, "cores": "huge"}, Conditions()),
        ({"fixed_performance": True, "cores": "big", "later": 1}, Conditions(True, "big")),
    ],
)
def test_conditions_of_other_versions_are_read_as_far_as_they_are_known(conditions, expected):
    assert run_request.requested_conditions({"conditions": conditions}) == expected
    assert run_request.requested_conditions({}) == Conditions()


def test_an_unknown_choice_of_cores_is_one_sentence(workspace):
    result = aiot(*command(workspace, "--cores", "fast"))
    assert (result.returncode, result.stderr) == (
        1, "aiot: Choice of cores 'fast' is unknown: choose from all, big.\n"
    )  # fmt: skip


def test_an_unknown_way_of_resizing_is_one_sentence(workspace):
    result = aiot(*command(workspace, "--resize", "nearest"))
    assert result.returncode == 1
    assert result.stderr == (
        "aiot: Way of resizing 'nearest' is unknown: choose from crop_resize, resize_crop, square_crop.\n"
    )
    assert not workspace.raw.exists()
