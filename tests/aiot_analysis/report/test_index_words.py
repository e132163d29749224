"""Words and numbers of the front page: why instances are missing, and scores."""

import pandas as pd

from aiot_analysis.report import facts, index

START, OPTION = "the model is not prepared: `aiot models prepare --models ", " --frameworks "


def command(models: str, frameworks: str) -> str:
    return f"{START}{models}{OPTION}{frameworks}`"


def test_commands_that_prepare_models_are_combined_if_frameworks_lack_the_same_models() -> None:
    lacking = [("resnet50", "tflite"), ("densenet121", "tflite"), ("densenet121", "pytorch"), ("resnet50", "pytorch")]
    reasons = pd.Series([*(command(*pair) for pair in lacking), command("mnasnet", "caffe2"), "no NNAPI"])
    both = command("densenet121,resnet50", "pytorch,tflite")
    assert facts.one_command(reasons).tolist() == [both] * 4 + [command("mnasnet", "caffe2"), "no NNAPI"]


def test_frameworks_that_lack_different_models_have_commands_of_their_own() -> None:
    """One command for both would also prepare DenseNet121 for PyTorch, which is not missing."""
    reasons = pd.Series(
        [command("resnet50", "tflite"), command("densenet121", "tflite"), command("resnet50", "pytorch")]
    )
    assert facts.one_command(reasons).tolist() == [command("densenet121,resnet50", "tflite")] * 2 + [reasons[2]]


def test_other_reasons_stay_as_they_are() -> None:
    reasons = pd.Series(["no NNAPI"])
    assert facts.one_command(reasons).tolist() == ["no NNAPI"]


def test_a_score_is_written_as_on_the_page_of_scores() -> None:
    score = index._environment().filters["score"]
    assert score({"vips": 323.27, "vips_low": 307.07, "vips_high": 340.29}) == "323 (307 to 340)"
    assert score({"vips": 2124.4, "vips_low": None, "vips_high": None}) == "2,124"


def test_verdicts_are_named_as_on_pages() -> None:
    name = index._environment().filters["name"]
    assert [name(verdict) for verdict in ("valid", "semi-valid", "not run")] == [
        "valid", "usable with caveats", "not run",
    ]  # fmt: skip
