"""Tests of the command `aiot import`. The logs are made up: see specimens.py."""

from __future__ import annotations

import json

import pytest

from tests.command import aiot
from tests.runner.importers import specimens
from tests.runner.importers.conftest import PHONE
from tests.runner.importers.loadgen_files import accuracy, write_submission

TWO = ["pytorch_cpu_resnet50", "tflite_nnapi_mnasnet"]


def test_logs_become_tables(tmp_path, app_files):
    done = aiot("import", *app_files(specimens.app_session(4, TWO)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("import    2 instances, 8 images in data/raw/specimen-1-")
    done = aiot("process", cwd=tmp_path)
    assert done.stdout == "process   1 run, 2 instances, 8 images, 0 excluded in data/processed\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing"], "aiot: nothing cannot be read (No such file or directory): check the name."),
        (["log", "--format", "x"], "aiot: Format 'x' is unknown: choose from app-result, app-program, "),
        (
            ["log", "--delegate", "apu"],
            "aiot: Delegate 'apu' is unknown: choose from cpu, nnapi, gpu, dsp, npu, coreml, ",
        ),
        (["log", "--device", "Pixel"], "aiot: --device 'Pixel' is not a maker and a model: write it in the form "),
        (["log", "--images", "twice"], "aiot: twice contains a name twice: give each image its own name."),
        (["log", "--images", "log"], "aiot: log is empty: copy the log again."),
        (
            ["log", "--publication", "x"],
            "aiot: Published logs need --publication, --address and --retrieved: give all ",
        ),
        (
            ["log", "--publication", "x", "--address", "x", "--retrieved", "2026-11-28"],
            "aiot: --address 'x' is not an address: write one that starts with https://.",
        ),
        (
            ["log", "--publication", "x", "--address", "https://example.org", "--retrieved", "today"],
            "aiot: --retrieved 'today' is not a date: write it like 2026-11-28.",
        ),
        (
            ["log", "--image-labels", "nothing"],
            "aiot: --image-labels nothing is neither ilsvrc2012-val nor a file: write one of ",
        ),
        (["log", "log"], "aiot: No files were imported: see the reasons above, and import those files again."),
    ],
)
def test_errors_are_one_sentence(tmp_path, words, sentence):
    (tmp_path / "log").touch()
    (tmp_path / "twice").write_text("a\na\n")
    done = aiot("import", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(sentence)
    assert not list((tmp_path / "data").rglob("run.json"))


def test_valid_files_are_imported_and_invalid_ones_are_named(tmp_path, save):
    good = save("good", specimens.result_log(specimens.app_session(4, TWO)))
    bad = save("bad", "Dear diary")
    done = aiot("import", good, bad, "--device", PHONE, "--images", save("names", "a\nb\nc\nd\n"), cwd=tmp_path)
    assert done.returncode == 1
    [first] = done.stdout.splitlines()
    lines, second, last = done.stderr.splitlines()
    assert first.startswith("import    2 instances, 0 images in data/raw/specimen-made-up-")
    assert lines == f"          {good}: 33 lines understood, 0 not"
    assert second.startswith(f"          {bad} has an unknown format")
    assert last == "aiot: Some files were not imported: see the reasons above, and import those files again."


@pytest.mark.parametrize("words", [[], ["log", "--published"]])
def test_without_files_or_with_published_results_besides_the_usage_is_shown(tmp_path, words):
    done = aiot("import", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Name the logs to import, or use --published" in done.stderr


def test_published_results_are_imported_once(tmp_path):
    done = aiot("import", "--published", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    runs, images = len(list(tmp_path.glob("data/raw/*/*/run.json"))), 26 * 50000
    assert done.stdout.startswith(f"import    {runs} published runs, ") and f" {images} images\n" in done.stdout
    done = aiot("import", "--published", cwd=tmp_path)
    assert done.stdout == f"import    {runs} published runs are up to date\n"


def test_a_result_of_loadgen_is_imported_with_its_source(tmp_path):
    folder = write_submission(tmp_path / "closed", accuracy([1, 2, 3]))
    (tmp_path / "labels.txt").write_text("1\n2\n4\n")
    source = ["--publication", "Example 1", "--address", "https://example.org", "--retrieved", "2026-11-28"]
    done = aiot("import", folder, "--image-labels", "labels.txt", *source, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("import    1 instance, 3 images in data/raw/example-phone-1-")
    assert done.stderr == f"          {folder}: 2 of 3 answers are right\n"
    [path] = tmp_path.glob("data/raw/*/*/run.json")
    assert json.loads(path.read_text())["origin"] == "published"
