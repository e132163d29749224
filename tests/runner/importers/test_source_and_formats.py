"""Tests of files to import: which ones are not text, and how the format of a text is recognized."""

from __future__ import annotations

import os

import pytest

from runner.errors import LogError
from runner.importers import input_files
from tests.runner.importers import specimens

PROGRAM = specimens.program_log(specimens.app_session(2, ["tflite_cpu_mnasnet"]))
RESULT = specimens.result_log(specimens.app_session(2, ["tflite_cpu_mnasnet"]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_are_read_as_they_may_be_saved(save, encoding):
    assert input_files.read_source(save("a", "Gerät\n".encode(encoding)))[1] == "Gerät\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x7fELF\0\0\0", "is a binary file"),
        ("Gerät".encode("latin-1"), "is not valid UTF-8 text (byte 3)"),
        (b"\xff\xfe\x00\xd8", "is not valid UTF-16 text"),
    ],
)
def test_a_file_that_is_not_text_is_one_sentence(save, content, sentence):
    with pytest.raises(LogError) as refused:
        input_files.read_source(save("a", content))
    assert sentence in str(refused.value)


def test_a_path_that_is_not_a_file_is_one_sentence(tmp_path):
    for path, sentence in [(tmp_path, "is not a file"), (tmp_path / "x", "cannot be read (No such file or directory)")]:
        with pytest.raises(LogError) as refused:
            input_files.read_source(path)
        assert sentence in str(refused.value)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LogError, match="is not a file"):  # without waiting for a writer
        input_files.read_source(tmp_path / "pipe")


def test_a_file_of_a_gigabyte_is_refused_unread(tmp_path):
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(1 << 30)  # a sparse file, which takes no space
    with pytest.raises(LogError, match="has 1074 MB, but no log in these formats has more than 256 MB"):
        input_files.read_source(path)


def test_lines_that_are_too_long_are_not_read():
    assert input_files.lines_of(f"a\r\n{'x' * 10_001}\nb") == ["a", "b"]


def test_a_file_that_changed_is_not_copied(save, tmp_path):
    path = save("a", "one")
    read, _ = input_files.read_source(path)
    input_files.copy_source(read, tmp_path / "b")
    assert ((tmp_path / "b").read_text(), (tmp_path / "b").stat().st_mtime) == ("one", 1_767_268_800)
    path.write_text("two")
    with pytest.raises(LogError, match="changed while it was being read"):
        input_files.copy_source(read, tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (RESULT, "app-result"),
        (RESULT[:60], "app-result"),
        (PROGRAM, "app-program"),
        ("INFO: STARTING!\n", "benchmark_model"),
        ("count=3\nAverage inference timings in us: Warmup: 1, Init: 2, Inference: 3\n", "benchmark_model"),
        ("INFO: Num evaluation runs: 3\nINFO: Top-1 Accuracy: 1\n", "run_eval"),
        ("I: [a.h:1] ========== BENCHMARK RESULTS ==========\n", "benchmark_litert_model"),
        ("Main run finished. Microseconds per iter: 66812.3. Iters per second: 14.9673\n", "speed_benchmark_torch"),
        ("Milliseconds per iter: 66.8. Iters\nOperator #0 (conv1, Conv) 4.27 ms/iter\n", "caffe2_benchmark"),
        ('PyTorchObserver {"type": "NET"}\nMilliseconds per iter: 66.8. Iters\n', "speed_benchmark_torch"),
        ("INFO: STARTING!\nINFO: [./a.h:1] ========== BENCHMARK RESULTS ==========\n", "benchmark_litert_model"),
        ("07-14 13:14:52.097 22838 22838 I tflite  : STARTING!\n", "benchmark_model"),
        ("> E/tflite  (22838): Failed to apply GPU delegate.\n", "benchmark_model"),
        ("    Graph: [/data/local/tmp/a.tflite]\n", "benchmark_model"),
    ],
)
def test_a_format_is_recognised_by_what_the_text_says(text, name):
    assert input_files.recognise_format("x", text) == name
    assert input_files.recognise_format("x", text, name) == name


def test_milliseconds_of_speed_benchmark_are_of_the_framework_that_is_given():
    text = "Main run finished. Milliseconds per iter: 66.8. Iters per second: 14.97\n"
    with pytest.raises(LogError, match=r"may be from PyTorch's tool before May 2020 or from Caffe2's.*use --framework"):
        input_files.recognise_format("x", text)
    assert input_files.recognise_format("x", text, framework="pytorch") == "speed_benchmark_torch"
    assert input_files.recognise_format("x", text, framework="caffe2") == "caffe2_benchmark"
    assert input_files.recognise_format("x", text, "caffe2_benchmark") == "caffe2_benchmark"


def test_a_text_of_an_unknown_ambiguous_or_other_format_is_one_sentence():
    both = "INFO: STARTING!\nINFO: Num evaluation runs: 3\n"
    for text, requested, sentence in [
        ("Dear diary", None, "x has an unknown format: supported formats are app-result, app-program, "),
        (
            both,
            None,
            "x may be from benchmark_model or run_eval: save each output in its own file, or choose with --log-format.",
        ),
        (
            RESULT,
            "run_eval",
            "x does not match the format run_eval: it seems to be from app-result, so omit --log-format.",
        ),
        ("Dear diary", "run_eval", "x does not match the format run_eval, nor any other known format."),
        (
            "INFO: OutputDiff[0]: avg_error=1, std_dev=2\n",
            None,
            "x is the output of inference_diff, which compares outputs",
        ),
    ]:
        with pytest.raises(LogError) as refused:
            input_files.recognise_format("x", text, requested)
        assert str(refused.value).startswith(sentence)
    assert input_files.recognise_format("x", both, "run_eval") == "run_eval"
