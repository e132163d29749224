import pandas as pd
import pytest

from aiot_analysis.display import claim_tables as tell
from aiot_analysis.display.show import MARKS, to_html
from aiot_analysis.stats import remarks, reproduced
from aiot_analysis.stats.remarks.claim import BUILT, STATES
from tests.aiot_analysis.stats.remarks.fleets import NO_IMAGES, fleet


@pytest.fixture(scope="module")
def parts():
    rows = fleet()
    return remarks.parts(rows[rows["delegate"] == "cpu"], NO_IMAGES, remarks=[2, 3])


@pytest.fixture(scope="module")
def claims(parts):
    return remarks.verdicts(parts)


def test_the_overview_has_one_row_per_claim_with_its_effect_or_the_reason_it_is_missing(claims):
    found = tell.overview(claims).set_index("id")
    assert found.columns.tolist() == ["verdict", "claim", "effect (95% interval)", "devices", "page"]
    effect = claims.set_index("id").loc["2c"]
    assert found.loc["2c", "effect (95% interval)"] == (
        f"{effect['effect']:.2f} times as fast ({effect['effect_low']:.2f} to {effect['effect_high']:.2f})"
    )
    assert found.loc["3a", "effect (95% interval)"] == "TFLite NNAPI float32 not measured"
    assert found.loc["3a", "page"] == "05 nnapi"


def test_the_rule_stands_beside_the_verdict_with_the_papers_words(claims):
    found = tell.detail(claims).set_index("id").loc["2a"]
    assert "“for ResNet50, InceptionV3, and DenseNet121, Pytorch Mobile achieves the best" in found.iloc[1]
    assert found.iloc[1].endswith("(Section V, Remark 2, Figure 5)")
    assert found["rule"] == remarks.CLAIMS["2a"].rule
    assert "6 comparisons" in found["result"]


def test_the_sentence_counts_the_claims_that_hold(claims):
    counts = claims["verdict"].value_counts()
    assert f"On these data, {counts['holds']} of 11 claims hold" in tell.sentence(claims)
    assert f" and {counts['cannot be decided']} cannot be decided." in tell.sentence(claims)
    assert "at most one claim in 20 gets a wrong verdict by chance." in tell.sentence(claims)
    assert "by chance" not in tell.sentence(claims[claims["verdict"] == "cannot be decided"])
    assert "follow from the simulation" not in tell.sentence(claims)
    built = tell.sentence(claims.assign(mark="by construction"))
    assert built.startswith(f"{tell.sentence(claims)} The data are simulated") and "follow from the simulation" in built


def test_comparisons_name_what_is_missing(parts):
    found = tell.comparisons(parts)
    assert len(found) == len(parts)
    assert found["found"].isna().sum() == (parts["state"] == "missing").sum() > 0
    assert "reason without an effect" in found
    assert "device" not in tell.comparisons(parts[parts["id"] == "2a"])
    assert found[found["id"] == "2d"]["device"].nunique() == 8


def test_a_verdict_has_a_sign_a_word_and_a_look(claims):
    html = to_html(tell.overview(claims))
    assert '<td class="verdict yes" style="text-align: left">✓ holds</td>' in html
    assert '<td class="verdict open" style="text-align: left">? cannot be decided</td>' in html
    marked = to_html(tell.overview(claims.assign(mark=["by construction", *[""] * (len(claims) - 1)])))
    assert marked.count('<td class="verdict built" style="text-align: left">◇ by construction</td>') == 1
    assert {BUILT} | set(remarks.VERDICTS) | set(reproduced.VERDICTS) | set(STATES) <= set(MARKS)
    other = pd.DataFrame({"verdict": ["semi-valid"], "claim": ["holds"]})
    unmarked = '<td style="text-align: left">usable with caveats</td><td style="text-align: left">holds</td>'
    assert unmarked in to_html(other)


def test_a_short_table_can_be_folded():
    html = to_html(pd.DataFrame({"n": [1]}), "Every comparison", folded=True)
    assert html.startswith("<details><summary>Every comparison (1 row)</summary>")


def test_captions_say_that_intervals_hold_together_and_what_those_of_times_include():
    together = "All intervals of a claim hold jointly at 95%"
    of_times = "; intervals of times of one device include an assumed 5% between runs"
    several = fleet()
    assert tell.intervals(several) == f"{together}{of_times}, and intervals over devices include how devices differ"
    assert tell.intervals(several[several["device_id"] == several["device_id"].iloc[0]]) == together + of_times
    assert tell.intervals(several.iloc[:0]) == together


def test_intervals_that_may_be_too_narrow_are_counted_by_reason():
    rows = fleet(devices=2)
    few = rows[rows["device_id"] == rows["device_id"].iloc[0]].head(7)[["run_id", "device_id", "instance_id"]]
    notes = ["times change slowly: the interval may be too short"] + 6 * [
        "a few long times: the interval may be too short"
    ]
    assert tell.doubts(few.assign(note=notes), rows) == (
        f"For 6 of {len(rows)} instances, a few long times; for 1, times change slowly. Their intervals may be too "
        "narrow: see the remarks in the table of mean times on the page [Latency and stability](11_latency#"
        "latency_means)."
    )
    assert tell.doubts(few.assign(note=notes).iloc[:0], rows) == ""
