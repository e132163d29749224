"""Tests of naming the sides of a comparison, and of errors for words that name nothing or too much."""

import pytest

from aiot_analysis.compare import sides
from aiot_analysis.errors import CompareError, DataError
from tests.aiot_analysis.compare.conftest import RUN_A, RUN_B, RUN_P
from tests.aiot_analysis.compare.two import MNASNET, TORCH


def runs(words, processed):
    return sorted(set(sides.find(words, processed).instances["run_id"]))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("local", [RUN_A, RUN_B]),
        ("LOCAL", [RUN_A, RUN_B]),
        ("device:pixel-4", [RUN_P]),
        ("pixel-", [RUN_P]),  # the start of an id
        ("Google Pixel 4 | <script>alert(1)</script>", [RUN_P]),
        (RUN_A, [RUN_A]),
        ("20260101", [RUN_A]),
        ("run:bbbbbb", [RUN_B]),
        ("run:20260101,run:20260102", [RUN_A, RUN_B]),
        ("local,threads=2", [RUN_B]),
        ("pytorch=1.10.2", [RUN_A]),
        ("PyTorch=2.13", [RUN_B]),
        ("pytorch=torch 2.13.0+cpu", [RUN_B]),
        ("origin=simulated", ["20210101T000000Z-dddddd"]),
        ("sim-01", ["20210101T000000Z-dddddd"]),
    ],
)
def test_words_name_runs(words, expected, processed):
    assert runs(words, processed) == expected


def test_a_folder_is_a_side_of_what_was_measured(processed, tmp_path):
    result = sides.find(str(processed), tmp_path / "other")
    assert set(result.instances["origin"]) == {"measured"}
    assert set(result.instances["device_id"]) == {"local", "pixel-4"}
    assert runs(f"folder:{processed},pixel-4", tmp_path / "other") == [RUN_P]


def test_a_version_is_a_side_of_its_framework_alone(processed):
    assert set(sides.find("pytorch=2.13", processed).instances["instance_id"]) == {TORCH}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "nexus",
            "data/processed has no device or run 'nexus': choose from devices local, pixel-4, sim-01-pixel, runs 2026",
        ),
        ("device:20260101", "data/processed has no device '20260101': choose from devices local"),
        ("run:local", "data/processed has no run 'local': choose from runs 20260104"),
        ("2026", "'2026' is ambiguous, with 4 matches: choose one of 20260101"),
        ("pytorch=3", "There is no 'pytorch=3': the versions of pytorch are torch 1.10.2.cu102, torch 2.13.0.cpu"),
        ("pytorch=1.1", "There is no 'pytorch=1.1'"),  # 1.10 is a different version
        ("pytorch=", "There is no 'pytorch='"),
        ("colour=red", "'colour' of 'colour=red' is neither a setting nor a framework: choose threads, profile"),
        ("threads=9", "There is no 'threads=9': choose 1, 2"),
        ("phone:pixel-4", "'phone:pixel-4' starts with an unknown kind: use one of folder:, device:, run:"),
        ("", "'' is not a side: give a device"),
        ("local,", "'local,' is not a side: give a device"),
        ("local,threads=1,run:bbbbbb", "No instance in .* matches all parts of 'local,threads=1,run:bbbbbb'"),
        ("no/such/folder", "There is no folder no/such/folder: run `aiot process`, or name a device or a run"),
        ("run:eeeeee", "'run:eeeeee' is a profile of operators, which has no results for images"),
    ],
)
def test_unknown_words_list_the_choices(words, message, processed):
    with pytest.raises(CompareError, match=message):
        sides.find(words, processed)


def test_a_side_with_two_folders_is_refused(processed):
    with pytest.raises(CompareError, match="names 2 folders"):
        sides.find(f"{processed},folder:{processed.parent}", processed)


def test_a_folder_without_tables_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="run `aiot process` first"):
        sides.find("local", tmp_path)


def test_names_of_filters_are_those_of_the_runner(processed):
    both = [sides.find(words, processed) for words in ("run:aaaaaa", "run:bbbbbb")]
    result = sides.filtered(both, {"model": ["MnasNet"], "framework": ["TFLITE"], "delegate": [], "quantization": []})
    assert [set(words.instances["instance_id"]) for words in result] == [{MNASNET}, {MNASNET}]
    with pytest.raises(CompareError, match="Model 'resnet50' is unknown: choose from squeezenet, mnasnet"):
        sides.filtered(both, {"model": ["resnet50"]})
    alone = [sides.find(words, processed) for words in ("run:aaaaaa", "pixel-4")]
    with pytest.raises(CompareError, match="'pixel-4' has no instance of framework pytorch"):
        sides.filtered(alone, {"framework": ["pytorch"]})
