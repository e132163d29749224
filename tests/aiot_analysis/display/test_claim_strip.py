"""The compact list of claims: signs with labels, scales, drawings and words."""

import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from aiot_analysis.display import claim_strip
from aiot_analysis.stats import remarks
from aiot_analysis.stats.remarks.claim import CORRELATION, POINTS, SHARE, TIMES

CLAIM = {
    "id": "2a", "short": "Heavy models: PyTorch is the fastest", "verdict": "holds", "mark": "", "why": "",
    "unit": TIMES, "n_devices": 51, "effect": 2.0, "effect_low": 1.0, "effect_high": 4.0, "claimed_low": 1.0,
    "claimed_high": math.inf,
}  # fmt: skip


def claims(*changes):
    return pd.DataFrame([{**CLAIM, **change} for change in changes])


class Elements(HTMLParser):
    """Collects the attributes of elements, and whether every element is closed."""

    def __init__(self, html):
        super().__init__()
        self.found, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_times_are_on_a_logarithmic_scale():
    """From 1/4 to 4, 1 is in the middle, 2 at three quarters, and 4 at the end."""
    axis = claim_strip.scale(claims({}, {"effect": 0.25}), TIMES)
    left, right = claim_strip.MARGIN, claim_strip.WIDTH - claim_strip.MARGIN
    assert [axis.x(value) for value in (0.25, 1.0, 2.0, 4.0)] == pytest.approx(
        [left, claim_strip.WIDTH / 2, left + 0.75 * (right - left), right]
    )
    assert [axis.x(value) for value in (math.inf, -math.inf, 0)] == pytest.approx([right, left, left])


def test_scales_of_other_units():
    points = claims({"unit": POINTS, "effect": -3.0, "effect_low": -5.0, "effect_high": math.nan})
    assert claim_strip.scale(points, POINTS) == claim_strip.Scale(-5.0, 1.0, is_log=False)
    assert claim_strip.scale(points, SHARE) == claim_strip.Scale(0.0, 1.0, is_log=False)
    assert claim_strip.scale(points, CORRELATION) == claim_strip.Scale(-1.0, 1.0, is_log=False)
    huge = claim_strip.scale(claims({"effect_high": 1e12}), TIMES)
    assert (huge.low, huge.high) == pytest.approx((math.log(0.8), math.log(claim_strip.MOST_TIMES)))


def test_a_row_has_the_sign_with_a_label_the_effect_as_drawing_and_text_and_the_devices():
    html = claim_strip.strip(claims({"effect": 1.0, "effect_low": 0.25}))
    assert "1.00× (0.25 to 4.00)" in html
    html = claim_strip.strip(claims({"effect_low": 0.25}))
    elements = Elements(html)
    assert elements.open == []
    [sign] = [span for span in elements.of("span") if span.get("role") == "img"]
    assert (sign["aria-label"], sign["title"]) == ("holds", "holds") and ">✓<" in html
    assert "2.00× (0.25 to 4.00)" in html and "51 devices" in html and "PyTorch is the fastest" in html
    [drawing] = elements.of("svg")
    assert drawing["aria-hidden"] == "true"
    middle, end = claim_strip.WIDTH / 2, claim_strip.WIDTH - claim_strip.MARGIN
    [region] = elements.of("rect")  # all that is over 1 is claimed
    assert float(region["x"]) == middle and float(region["width"]) == pytest.approx(end - middle)
    null, interval = elements.of("path")
    assert null["d"] == f"M{middle:.1f} 0V22" and interval["d"] == f"M{claim_strip.MARGIN:.1f} 11.0H{end:.1f}"
    [dot] = elements.of("circle")
    assert float(dot["cx"]) == pytest.approx(middle + (end - middle) / 2)


def test_a_claim_without_an_effect_says_why_and_is_not_drawn():
    missing = dict.fromkeys(["effect", "effect_low", "effect_high", "claimed_low", "claimed_high"], math.nan)
    why = "6 comparisons: 6 missing. TFLite NNAPI <float32> not measured"
    html = claim_strip.strip(claims({**missing, "verdict": "cannot be decided", "n_devices": 0, "why": why}))
    assert "TFLite NNAPI &lt;float32&gt; not measured" in html and "6 missing" not in html
    assert "<svg" not in html and "device" not in re.sub("<[^>]*>", "", html) and ">?<" in html
    long = claim_strip.strip(claims({**missing, "verdict": "cannot be decided", "why": "word " * 40}))
    assert "…" not in long and long.count("word") == 40


def test_claims_without_an_effect_for_the_same_reason_share_a_row():
    missing = dict.fromkeys(["effect", "effect_low", "effect_high"], math.nan)
    missing |= {"verdict": "cannot be decided", "n_devices": 0, "why": "1 comparison: 1 missing. No NNAPI"}
    html = claim_strip.strip(
        claims({**missing, "id": "3a", "short": "Faster"}, {}, {**missing, "id": "3c", "short": "Slower"},
               {**missing, "id": "3d", "verdict": "not applicable"}, {**missing, "id": "3e", "why": "No CPU"})
    )  # fmt: skip
    rows = [re.sub("<[^>]*>", "", row) for row in re.findall("<li.*?</li>", html)]
    assert [row[0] for row in rows] == ["?", "✓", "–", "?"]
    assert rows[0] == "?Faster 3a; Slower 3cNo NNAPI" and html.count("No NNAPI") == 2 and html.count("No CPU") == 1


def test_an_interval_that_agrees_with_an_undecided_claim_is_followed_by_what_is_missing():
    why = "6 comparisons: 5 as claimed, 1 missing. Caffe2 not measured"
    undecided = {"verdict": "cannot be decided", "effect_low": 1.5, "why": why}
    assert "2.00× (1.50 to 4.00); 6 comparisons: 5 as claimed, 1 missing<" in claim_strip.strip(claims(undecided))
    assert "missing" not in claim_strip.strip(claims({**undecided, "effect_low": 0.9}))
    assert "missing" not in claim_strip.strip(claims({**undecided, "verdict": "holds"}))


def test_an_effect_without_an_interval_has_a_dot_alone_and_negative_numbers_a_minus_sign():
    points = {"unit": POINTS, "effect": -3.0, "effect_low": math.nan, "effect_high": math.nan, "n_devices": 1}
    html = claim_strip.strip(claims({**points, "verdict": "does not hold"}))
    assert "−3.00 points<" in html and "1 device<" in html and ">✗<" in html
    assert len(Elements(html).of("path")) == 1  # the line of no difference


def test_every_claim_has_a_short_form_of_at_most_eight_words():
    lengths = {claim.id: len(claim.short.split()) for claim in remarks.CLAIMS.values()}
    assert {name: length for name, length in lengths.items() if not 1 <= length <= 8} == {}
    assert not [claim.id for claim in remarks.CLAIMS.values() if claim.short.endswith(".")]
