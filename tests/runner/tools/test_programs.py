"""Tests of finding the tools in a folder named by the user."""

from __future__ import annotations

import hashlib
import struct

import pytest

from aiot_suite.errors import SetupError
from runner.tools import programs
from tests.runner.tools import standin


def program(path, machine, big=False):
    head = b"\x7fELF" + bytes([2, 2 if big else 1, 1, 0]) + bytes(8) + struct.pack(">HH" if big else "<HH", 3, machine)
    path.write_bytes(head + bytes(100))
    return path


ARM64, ARM, X86_64 = 183, 40, 62


def test_the_plain_names(tmp_path):
    tools = programs.find(standin.install(tmp_path), "x86_64")
    assert (tools.benchmark_model.path.name, tools.run_eval.path.name) == ("benchmark_model", "run_eval")
    digest = hashlib.sha256((tmp_path / "benchmark_model").read_bytes()).hexdigest()
    assert tools.benchmark_model.version == f"benchmark_model {digest[:12]}"


def test_one_folder_for_several_abis(tmp_path):
    for name, machine in [
        ("android_aarch64_benchmark_model", ARM64),
        ("android_arm_benchmark_model", ARM),
        ("linux_x86-64_benchmark_model", X86_64),
        ("android_aarch64_eval_imagenet_image_classification", ARM64),
    ]:
        program(tmp_path / name, machine)
    by_abi = {abi: programs.find(tmp_path, abi) for abi in ("arm64-v8a", "armeabi-v7a", "x86_64", "aarch64")}
    assert {abi: tools.benchmark_model.path.name for abi, tools in by_abi.items()} == {
        "arm64-v8a": "android_aarch64_benchmark_model",
        "armeabi-v7a": "android_arm_benchmark_model",
        "x86_64": "linux_x86-64_benchmark_model",
        "aarch64": "android_aarch64_benchmark_model",
    }
    assert by_abi["arm64-v8a"].run_eval.path.name == "android_aarch64_eval_imagenet_image_classification"
    assert by_abi["x86_64"].run_eval is None


def test_a_64_bit_device_runs_32_bit_tools_if_there_are_no_others(tmp_path):
    program(tmp_path / "android_arm_benchmark_model_plus_flex", ARM)
    assert programs.find(tmp_path, "arm64-v8a").benchmark_model.path.name == "android_arm_benchmark_model_plus_flex"


@pytest.mark.parametrize(
    ("make", "abi", "sentence"),
    [
        (lambda folder: None, "arm64-v8a", "contains no benchmark_model for arm64-v8a (it is empty): name the file"),
        (lambda folder: program(folder / "run_eval", ARM64), "arm64-v8a", "it contains run_eval"),
        (lambda folder: program(folder / "benchmark_model", X86_64), "arm64-v8a", "is a program for x64, but the"),
        (lambda folder: program(folder / "benchmark_model", 21, True), "arm64-v8a", "is a program for 64-bit PowerPC"),
        (lambda folder: (folder / "benchmark_model").write_text("<html>404"), "x86_64", "is not a program for Android"),
        (lambda folder: (folder / "benchmark_model").write_bytes(b"\x7fELF"), "x86_64", "is not a program for Android"),
        (lambda folder: (folder / "benchmark_model").mkdir(), "x86_64", "contains no benchmark_model"),
        (lambda folder: None, "riscv64", "There are no native tools for ABI 'riscv64'"),
        (lambda folder: folder.rmdir(), "x86_64", "There is no folder "),
        (lambda folder: (folder.rmdir(), folder.touch()), "x86_64", "is not a folder: name the folder that contains"),
    ],
)
def test_missing_or_wrong_programs_are_one_sentence(tmp_path, make, abi, sentence):
    folder = tmp_path / "tools"
    folder.mkdir()
    make(folder)
    with pytest.raises(SetupError) as error:
        programs.find(folder, abi)
    assert sentence in str(error.value) and "\n" not in str(error.value)
