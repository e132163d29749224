import math

import pytest

from aiot_analysis.display import claim_tables
from aiot_analysis.stats import published_claims, remarks
from aiot_analysis.stats.published_claims import TranslatedClaim
from aiot_analysis.stats.remarks.claim import ANY, POINTS, SHARE, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate

OVER_HALF = (0.5, math.inf)


def part(low, high, name="networks"):
    return ClaimPart(name, Estimate((low + high) / 2, low, high, 4), OVER_HALF)


def judged(*parts, **more):
    return published_claims.verdicts(
        [TranslatedClaim("1a", "Networks differ", "share of networks: over a half", parts, **more)]
    ).iloc[0]


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.6, 0.8), "holds"), ((0.1, 0.3), "does not hold"), ((0.4, 0.6), "cannot be decided")],
)
def test_the_verdict_follows_from_where_the_interval_lies(ends, verdict):
    assert judged(part(*ends))["verdict"] == verdict


def test_all_comparisons_are_needed_unless_one_is_enough():
    parts = part(0.6, 0.8), part(0.1, 0.3)
    assert judged(*parts)["verdict"] == "does not hold"
    assert judged(*parts, needs=ANY)["verdict"] == "holds"


def test_a_claim_that_cannot_be_tested_says_why():
    row = judged(why_not="each phone ran one framework")
    assert (row["verdict"], row["why"], row["n_devices"]) == ("not applicable", "each phone ran one framework", 0)
    assert math.isnan(row["effect"]) and row["reasons"] == ("each phone ran one framework",)


def test_the_label_says_what_was_tested_or_is_that_of_the_paper():
    assert judged(part(0.6, 0.8))["short"] == "Networks differ"
    untested = published_claims.verdicts([TranslatedClaim("1b", why_not="each phone ran one framework")])
    assert untested.loc[0, "short"] == remarks.CLAIMS["1b"].short


def test_the_papers_words_stand_beside_what_was_tested():
    row = judged(part(0.6, 0.8), limits="files differ")
    paper = remarks.CLAIMS["1a"]
    assert (row["claim"], row["quote"], row["unit"]) == (paper.text, paper.quote, SHARE)
    assert (row["effect"], row["effect_low"], row["effect_high"]) == pytest.approx((0.7, 0.6, 0.8))
    assert judged(part(0.6, 0.8), unit=POINTS)["unit"] == POINTS


def test_every_comparison_has_a_row():
    claims = [TranslatedClaim("1a", "", "", [part(0.6, 0.8), part(0.1, 0.3, "phones")]), TranslatedClaim("1b")]
    result = published_claims.comparisons(claims)
    assert result[["id", "part", "state", "origin"]].to_numpy().tolist() == [
        ["1a", "networks", "as claimed", "published"],
        ["1a", "phones", "against", "published"],
    ]
    assert len(claim_tables.comparisons(result)) == 2


def test_the_table_has_the_translation_or_the_reason_and_the_result():
    claims = [
        TranslatedClaim("1a", "", "share of networks: over a half", [part(0.6, 0.8)], limits="Files differ"),
        TranslatedClaim("1b", why_not="each phone ran one framework"),
    ]
    table = claim_tables.translated(published_claims.verdicts(claims)).set_index("id")
    assert table.loc["1a", "tested on these data"] == "share of networks: over a half"
    assert table.loc["1a", "result"] == (
        "networks: 70% (60% to 80%), claimed: over 0.5. 1 comparison: 1 as claimed. Files differ."
    )
    assert remarks.CLAIMS["1b"].quote in table.loc["1b", "claim and quotation from the paper"]
    assert table.loc["1b", "tested on these data"] == "nothing: each phone ran one framework"
    assert table.loc["1b", "result"] == ""
