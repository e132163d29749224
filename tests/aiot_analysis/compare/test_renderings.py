"""Tests of the output of a comparison for a terminal, a pull request and a program."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.compare import comparison, instances, sides, wording
from tests.aiot_analysis.compare.conftest import RUN_A, RUN_B
from tests.aiot_analysis.compare.two import SQUEEZENET

SLOW = "SqueezeNet, TFLite CPU, float32"


@pytest.fixture
def compared(processed):
    def compare(a, b, **options):
        return comparison.compare(
            [sides.find(words, processed) for words in (a, b)], comparison.CompareOptions(**options)
        )

    return compare


@pytest.fixture
def runs(compared):
    return compared("threads=1", "threads=2", margins=instances.margins("5%"))


def test_what_became_slower_is_the_regression(runs):
    [sentence] = runs.regressions
    assert sentence.startswith(f"{SLOW}: ")
    assert sentence.endswith("% slower (mean)")
    assert float(sentence.split(": ")[1].split("%")[0]) == pytest.approx(200, abs=5)


def test_text_has_conditions_first_then_what_changed(runs):
    lines = wording.render_text(runs).splitlines()
    assert lines[:2] == ["A  threads=1", "B  threads=2"]
    assert "differs in  framework version: torch 1.10.2+cu102 → torch 2.13.0+cpu" in lines
    assert "differs in  threads: 1 → 2" in lines
    assert f"run         {RUN_A}  →  {RUN_B}" in lines
    sentence = "3 instances compared, 1 with a demonstrated change (95% intervals and tests, joint over 6 comparisons)"
    assert sentence in lines
    assert "sessions    1 session (1 run)" in lines
    paired = next(line for line in lines if line.startswith("paired"))
    assert "too few sessions to estimate how sessions differ: uses the latest run of each side" in paired
    at = next(place for place, line in enumerate(lines) if line.startswith("changed"))
    assert lines[at + 1].startswith(SLOW)
    assert lines[at + 1].endswith("REGRESSION, slower")
    assert lines[at + 3].startswith("no change shown")
    assert sum(line.endswith("no change shown") for line in lines) == 2
    assert any(line.startswith("VIPS of 3 of 24 float32 instances") for line in lines)


def test_markdown_shows_what_changed_and_folds_the_rest(runs):
    content = wording.render_markdown(runs)
    above, *folded = content.split("<details>")
    assert SLOW in above
    assert "MnasNet" not in above
    assert "**regression**: slower" in above
    assert folded[0].startswith("<summary>2 without a demonstrated change</summary>")
    assert "MnasNet, PyTorch, float32" in folded[0]
    assert content.count("<details>") == content.count("</details>") == 4
    rows = [line for line in content.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
    shown = [line for line in above.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in shown}) == 1


def test_json_has_every_number_and_no_nan(runs):
    content = json.loads(wording.render_json(runs), parse_constant=pytest.fail)
    assert content["schema_version"] == 1
    assert content["differs_in"]["threads"] == [["1", "2"]]
    assert content["regressions"] == runs.regressions
    [row] = [
        entry for entry in content["instances"] if entry["instance_id"] == SQUEEZENET and entry["metric"] == "mean"
    ]
    assert row["change"] == pytest.approx(2, abs=0.05)
    assert row["regression"] is True
    assert content["margins"] == {"time": 0.05, "accuracy": 0.01}
    assert content["comparisons"] == 6
    assert content["level"] == pytest.approx(1 - 0.05 / 6)


def test_names_of_devices_become_no_markup(compared):
    result = compared("run:aaaaaa", "pixel-4")
    content = wording.render_markdown(result)
    assert "<script" not in content
    assert "Google Pixel 4 \\| &lt;script&gt;alert(1)&lt;/script&gt;" in content
    assert wording.escaped("a@b `c` [d](e) *f*\n") == "a\\@\u200bb \\`c\\` \\[d\\](e) \\*f\\*?"
    assert wording.plain("phone\x1b[31m\n") == "phone?[31m?"


def test_what_is_not_compared_is_reported(compared):
    result = compared("run:aaaaaa", "pixel-4")
    assert "not compared" in wording.render_text(result)
    assert "B did not run it" in wording.render_text(result)
    assert "Not compared: 2" in wording.render_markdown(result)


def test_simulated_sides_are_marked(compared, processed):
    both = [sides.find(words, processed) for words in ("sim-01", "sim-01")]
    other = both[1].instances.assign(device_id="sim-02", run_id="20210101T000000Z-ffffff")
    with_other = sides.SideSource("sim-02", processed, other, both[1].devices)
    result = comparison.compare([both[0], with_other], comparison.CompareOptions())
    for render in (wording.render_text, wording.render_markdown):
        assert "Simulated" in render(result)
    assert json.loads(wording.render_json(result))["simulated"] is True
    assert not compared("run:aaaaaa", "run:bbbbbb").simulated


def test_metrics_are_those_asked_for(compared):
    result = compared("threads=1", "threads=2", metrics=["median"], timing="inference")
    assert set(result.table["metric"]) == {"median"}
    assert "median time, ms" in wording.render_text(result)
    assert "timing      inference only" in wording.render_text(result)
    assert result.table.set_index("instance_id")["change"][SQUEEZENET] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.042, 0.03, 0.0551), "+4.2 (+3.0 to +5.5)"),
        ((-0.0001, -0.03, 0.03), "0.0 (-3.0 to +3.0)"),
        ((0.5, float("nan"), float("nan")), "+50.0"),
        ((float("nan"), 0.0, 0.0), "?"),
        ((28.5, 25.7, 31.7), "+2,850 (+2,570 to +3,170)"),
    ],
)
def test_changes_are_percent_or_points(numbers, words):
    assert wording.interval(*numbers) == words


@given(*(st.floats(-0.02, 0.02, allow_subnormal=False) for _ in range(2)))
def test_a_printed_interval_shows_whether_it_includes_0(first, second):
    low, high = sorted((first, second))
    ends = re.fullmatch(r".* \((.*) to (.*)\)", wording.interval((low + high) / 2, low, high)).groups()
    assert (ends[0][0] == "+" or ends[1][0] == "-") == (low > 0 or high < 0)
    assert [float(end) for end in ends] == pytest.approx([100 * low, 100 * high], abs=0.0501)
