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
    "claimed_high": math.inf, "comparison": "ResNet50, PyTorch against Caffe2", "device": "", "among": "weakest of 6",
    "reasons": (),
}  # fmt: skip

MISSING = dict.fromkeys(["effect", "effect_low", "effect_high", "claimed_low", "claimed_high"], math.nan) | {
    "verdict": "cannot be decided", "n_devices": 0, "comparison": "", "among": "",
}  # fmt: skip
WIDTH = claim_strip.WIDTH


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


def words(html, tag, kind):
    """Return the content of the elements of a class."""
    return re.findall(f'<{tag} class="{kind}"[^>]*>(.*?)</{tag}>', html)


def test_times_are_on_a_logarithmic_scale():
    """From 1/4 to 4, 1 is in the middle, 2 at three quarters, and 4 at the end; what is claimed is within the scale."""
    axis = claim_strip.scale(claims({}, {"effect": 0.25}), TIMES)
    left, right = claim_strip.MARGIN, claim_strip.WIDTH - claim_strip.MARGIN
    assert [axis.x(value) for value in (0.25, 1.0, 2.0, 4.0)] == pytest.approx(
        [left, claim_strip.WIDTH / 2, left + 0.75 * (right - left), right]
    )
    assert [axis.x(value) for value in (math.inf, -math.inf, 0)] == pytest.approx([right, left, left])
    assert claim_strip.scale(claims({"claimed_low": 0.0, "claimed_high": 8.0}), TIMES).high == math.log(8)


def test_scales_of_other_units():
    points = {"unit": POINTS, "effect": -3.0, "effect_low": -5.0, "effect_high": math.nan, "claimed_low": -math.inf}
    points = claims(points | {"claimed_high": -10.0})
    assert claim_strip.scale(points, POINTS) == claim_strip.Scale(-10.0, 1.0, is_log=False)
    assert claim_strip.scale(points, SHARE) == claim_strip.Scale(0.0, 1.0, is_log=False)
    assert claim_strip.scale(points, CORRELATION) == claim_strip.Scale(-1.0, 1.0, is_log=False)
    huge = claim_strip.scale(claims({"effect_high": 1e12}), TIMES)
    assert (huge.low, huge.high) == pytest.approx((math.log(0.8), math.log(claim_strip.MOST_TIMES)))


def test_a_row_has_the_sign_with_a_label_the_effect_as_drawing_and_text_and_the_devices():
    html = claim_strip.strip(claims({"effect": 1.0, "effect_low": 0.25}))
    assert "1.00× as fast (0.25 to 4.00)" in html
    html = claim_strip.strip(claims({"effect_low": 0.25}))
    elements = Elements(html)
    assert elements.open == []
    [sign] = [span for span in elements.of("span") if span.get("role") == "img"]
    assert (sign["aria-label"], sign["title"]) == ("holds", "holds") and ">✓<" in html
    assert "2.00× as fast (0.25 to 4.00)" in html and "51 devices" in html and "PyTorch is the fastest" in html
    assert {drawing["aria-hidden"] for drawing in elements.of("svg")} == {"true"}
    middle, end = claim_strip.WIDTH / 2, claim_strip.WIDTH - claim_strip.MARGIN
    region = elements.of("rect")[1]  # after that of the key: all that is over 1 is claimed, up to the edge
    assert float(region["x"]) == middle and float(region["width"]) == pytest.approx(claim_strip.WIDTH - middle)
    null, interval = elements.of("path")[2:]
    assert null["d"] == f"M{middle:.1f} 0V22" and interval["d"] == f"M{claim_strip.MARGIN:.1f} 11.0H{end:.1f}"
    dot = elements.of("circle")[1]
    assert float(dot["cx"]) == pytest.approx(middle + (end - middle) / 2)


def test_a_row_names_the_comparison_that_decides_and_its_device():
    html = claim_strip.strip(claims({}))
    assert words(html, "small", "comparison") == ["ResNet50, PyTorch against Caffe2 (weakest of 6)"]
    long = {"comparison": "combinations whose accuracy differs, of 24 (by 0.4 points)", "among": ""}
    assert words(claim_strip.strip(claims(long)), "small", "comparison") == [
        "combinations whose accuracy differs, of 24"
    ]
    on_one = {"device": "mi-8", "among": "strongest of 51, 4 as claimed"}
    [text] = words(claim_strip.strip(claims(on_one), {"mi-8": "Xiaomi Mi 8"}), "small", "comparison")
    assert text == "ResNet50, PyTorch against Caffe2, on Xiaomi Mi 8 (strongest of 51, 4 as claimed)"


def test_the_key_explains_the_signs_and_the_parts_of_drawings_that_occur():
    def key(*changes):
        return re.findall("<span[^>]*>(.*?)</span>", strip_key(claim_strip.strip(claims(*changes))))

    def strip_key(html):
        [text] = re.findall('<p class="strip-key".*?</p>', html)
        return re.sub("<(?!/?span)[^>]*>", "", text)

    drawn = [" effect and 95% interval", " what the claim says"]
    must = "weakest: all comparisons must agree, so the weakest decides"
    assert key({}) == ["✓ holds", *drawn, " no difference", must]
    share = {"unit": SHARE, "effect": 0.7, "effect_low": 0.6, "effect_high": 0.8, "claimed_low": 0.5, "among": ""}
    assert key({**share, "verdict": "does not hold"}) == ["✗ does not hold", *drawn]  # a share has no such line
    assert key({}, {"among": "strongest of 3"})[-2:] == [
        must,
        "strongest: one comparison is enough, so the strongest decides",
    ]
    assert key(MISSING, {**MISSING, "verdict": "not applicable"}) == ["? cannot be decided", "– not applicable"]


@pytest.mark.parametrize(("low", "high", "arrows"), [(0.5, 4, []), (0.5, 145.2, [WIDTH]), (0.001, 99, [0, WIDTH])])
def test_an_arrowhead_at_the_edge_marks_what_is_beyond_the_drawing(low, high, arrows):
    html = claim_strip.strip(claims({"effect_low": low, "effect_high": high}))
    heads = [path["d"] for path in Elements(html).of("path") if path.get("class") == "beyond"]
    assert [float(re.match(r"M(\d+) ", head)[1]) for head in heads] == arrows
    dots = [float(dot["cx"]) for dot in Elements(html).of("circle")[1:]]
    assert all(4 <= x <= WIDTH - 4 for x in dots)  # the radius of a dot is 4


def test_a_claimed_region_is_drawn_although_no_effect_is_near_it():
    equal = {"unit": POINTS, "effect": 0.0, "effect_low": -0.5, "effect_high": 0.5, "claimed_low": -math.inf}
    [_, region] = Elements(claim_strip.strip(claims({**equal, "claimed_high": -10.0}))).of("rect")
    assert (float(region["x"]), float(region["width"])) == (0, claim_strip.MARGIN)


def test_a_claim_without_an_effect_says_why_and_is_not_drawn():
    html = claim_strip.strip(claims({**MISSING, "reasons": ("TFLite NNAPI <float32> not measured", "no CPU")}))
    assert words(html, "span", "effect") == ["no CPU; TFLite NNAPI &lt;float32&gt; not measured"]
    assert "<svg" not in html and "device" not in re.sub("<[^>]*>", "", html) and ">?<" in html


def rows(html):
    return [re.sub("<[^>]*>", "", row).replace("\N{NO-BREAK SPACE}", " ") for row in re.findall("<li.*?</li>", html)]


def test_claims_without_an_effect_for_the_same_reason_share_a_row_after_the_others():
    none = {**MISSING, "reasons": ("no device was run twice",)}
    html = claim_strip.strip(
        claims({**none, "id": "3e", "verdict": "not applicable"}, {**none, "id": "3a", "short": "Faster"}, {},
               {**none, "id": "3c", "short": "Slower"}, {**none, "id": "3d", "short": "Split", "reasons": ("No CPU",)})
    )  # fmt: skip
    decided, *others = rows(html)
    assert decided.startswith("✓Heavy models")
    assert others[:2] == ["?Faster 3a; Slower 3cno device was run twice", "?Split 3dNo CPU"]
    assert others[2].startswith("–") and len(others) == 3


def test_claims_of_which_something_was_not_measured_share_a_row():
    lacking = [
        {"id": "2a", "reasons": ("PyTorch float32 not measured for ResNet50; Caffe2 float32 not measured",)},
        {"id": "2c", "reasons": ("PyTorch float32 not measured for MnasNet",)},
        {"id": "2e", "reasons": ("Caffe2 float32 not measured",)},
    ]
    [row] = rows(claim_strip.strip(claims(*({**MISSING, "short": "Fast", **claim} for claim in lacking))))
    assert row == (
        "?Fast 2a; Fast 2c; Fast 2ePyTorch float32 not measured for ResNet50 and MnasNet; Caffe2 float32 not measured"
    )


def test_many_claims_that_share_a_row_are_named_by_their_ids():
    many = [{**MISSING, "id": f"5{letter}", "reasons": ("no device",)} for letter in "abcdefg"]
    assert rows(claim_strip.strip(claims(*many))) == [
        "?7 claims cannot be decided: 5a, 5b, 5c, 5d, 5e, 5f, 5gno device"
    ]
    [row] = rows(claim_strip.strip(claims(*({**claim, "verdict": "not applicable"} for claim in many))))
    assert row.startswith("–7 claims are not applicable: 5a, ")


def test_an_effect_without_an_interval_has_a_dot_alone_and_negative_numbers_a_minus_sign():
    points = {"unit": POINTS, "effect": -3.0, "effect_low": math.nan, "effect_high": math.nan, "n_devices": 1}
    html = claim_strip.strip(claims({**points, "verdict": "does not hold"}))
    assert "−3.00 points<" in html and "1 device<" in html and ">✗<" in html
    assert len(Elements(html).of("path")) == 2 + 1  # those of the key, and the line of no difference


def test_every_claim_has_a_short_form_of_at_most_eight_words():
    lengths = {claim.id: len(claim.short.split()) for claim in remarks.CLAIMS.values()}
    assert {name: length for name, length in lengths.items() if not 1 <= length <= 8} == {}
    assert not [claim.id for claim in remarks.CLAIMS.values() if claim.short.endswith(".")]
