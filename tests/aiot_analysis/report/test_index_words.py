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


def test_pages_without_data_and_pages_that_do_not_exist_are_counted_apart() -> None:
    full, empty, absent = ({"page": page, "empty": why} for page, why in (("a", ""), ("b", "no run"), ("", "")))
    assert index._count_pages([full, full]) == "2 of 2 pages have data."
    assert index._count_pages([full, empty, absent]) == "1 of 3 pages has data, 1 has none, 1 is not rendered."
    assert index._count_pages([empty, empty, absent, absent]) == (
        "0 of 4 pages have data, 2 have none, 2 are not rendered."
    )


def test_links_to_other_pages_have_an_address_as_long_as_these_exist() -> None:
    bare = '<p>See <a class="page-link" data-page="11_latency#means">it</a>, <a href="x">x</a>.</p>'
    linked = bare.replace(" data-page", ' href="11_latency.html#means" data-page')
    assert index.link_pages(bare, {"01_overview"}) == bare
    assert index.link_pages(bare, {"11_latency"}) == linked
    assert index.link_pages(linked, {"11_latency"}) == linked
    assert index.link_pages(linked, set()) == bare


def test_caveats_are_counted_without_what_differs_by_instance() -> None:
    reasons = [
        "its log does not say which accelerator was requested (npu ran); no accuracy was published",
        "its log does not say which accelerator was requested (cpu ran)",
        "times scatter by 30% of their mean, more than 20%: let the device cool and run again",
        "times scatter by 40% of their mean, more than 20%: let the device cool and run again",
        "the model is not prepared",
    ]
    latest = pd.DataFrame({"verdict": ["semi-valid"] * 4 + ["unavailable"], "reasons": reasons})
    assert facts._caveats(latest) == [
        ("the log does not say which accelerator was requested", 2),
        ("times scatter by …% of their mean", 2),
        ("no accuracy was published", 1),
    ]
    assert facts._caveats(latest.tail(1)) == []


def test_what_is_missing_has_a_command() -> None:
    row = {"reasons": "NNAPI is part of Android: run it on an Android phone", "verdict": "unavailable"}
    row |= {"framework": "tflite", "delegate": "nnapi", "quantization": "float32"}
    column = {"name": "TFLite CPU", "quantization": "INT8", "never_run": 4}
    covered = {"columns": [column], "rows": [{"cells": [[("valid", 2), ("not run", 4)]]}]}
    never_run, absent = facts._missing_reasons(pd.DataFrame([row]), covered, "simulated")
    assert absent["reason"].endswith(": run it on an Android phone, with `aiot run`, then `aiot process`")
    assert (never_run["count"], never_run["of"]) == (4, ["TFLite CPU INT8 (4)"])
    assert "`aiot simulate --quantized-on all --replace`" in never_run["reason"]
    covered["columns"] = [column | {"quantization": "float32"}]  # the simulation always has these
    [never_run, _] = facts._missing_reasons(pd.DataFrame([row]), covered, "simulated")
    assert never_run["reason"] == "no run included them"


def test_a_score_is_written_as_on_the_page_of_scores() -> None:
    score = index._environment().filters["score"]
    assert score({"vips": 323.27, "vips_low": 307.07, "vips_high": 340.29}) == "323 (307 to 340)"
    assert score({"vips": 2124.4, "vips_low": None, "vips_high": None}) == "2,124"


def test_verdicts_are_named_as_on_pages() -> None:
    name = index._environment().filters["name"]
    assert [name(verdict) for verdict in ("valid", "semi-valid", "not run")] == [
        "valid", "usable with caveats", "not run",
    ]  # fmt: skip
