"""Text that all pages share: how to read them, and which command fills a section that has no data."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiot_analysis.display.export import REPLACES_SECTION
from aiot_analysis.display.show import display_html, say
from aiot_analysis.plots import device_axis
from aiot_analysis.words import minus, plural

if TYPE_CHECKING:
    import pandas as pd

TERMS = {
    "instance": "One model with one framework, delegate and quantization. The paper has 24 instances in float32 and 36 "
    "quantized ones.",
    "usable with caveats": "The numbers of an instance are used, but something was unusual while it was measured. The "
    "overview lists the reasons.",
    "intervals": "Whiskers and numbers in parentheses are 95% intervals. Those of a time on one device include how "
    "times vary within a run and what another run may give; captions say whether the latter is estimated or assumed. "
    "Intervals of means over devices include how devices differ.",
    "claims": "Each remark of the paper is split into claims, and each claim has a rule. A claim holds (✓) if the "
    "whole interval of every comparison agrees with it, does not hold (✗) if the whole interval of one comparison "
    "contradicts it, and cannot be decided (?) if an interval includes the threshold or something was not measured. "
    "All intervals of a claim hold jointly at 95%.",
    "small drawings": "The dot is the effect of the comparison that decides a claim, and the line through it is its "
    "interval. The shaded part is what the claim says, and the dashed line is no difference. An arrowhead marks what "
    "is beyond the drawing. If all comparisons must agree, the weakest of them decides; otherwise, the strongest.",
    "comparable devices": "Devices that ran the same instances under the same conditions. Scores and ranks are only "
    "compared among them.",
}
"""Explanations of terms, by term."""

RUN = "No instance has usable numbers: run `aiot run --local`, then `aiot process`."
NNAPI = (
    "Not measured here: a network in float32 both with NNAPI and on the CPU; run `aiot run` on an Android phone, then "
    "`aiot process`."
)
QUANTIZED = "No quantized instance was compared with float32: run `aiot run --local`, then `aiot process`."
SEVERAL = "Only one device can be compared: run `aiot run` on others, then `aiot process`."
SECOND_DEVICE = "To compare devices image by image, a second one is needed: run `aiot run` on it, then `aiot process`."
PROFILE = "Not measured here: to add profiles of operators, run `aiot operators`, then `aiot process`."
RESIZE = (
    "Not measured here: to compare ways of resizing, run "
    "`aiot run --local --resize crop_resize,resize_crop,square_crop`, then `aiot process`."
)
PUBLISHED = "No published results of these devices: run `aiot import --published`, then `aiot process`."


def how_to_read() -> None:
    """Display the explanations of all terms, folded."""
    terms = "".join(f"<dt><b>{escape(term)}</b></dt><dd>{escape(text)}</dd>" for term, text in TERMS.items())
    html = f'<details class="reading"><summary>How to read this page</summary><dl>{terms}</dl></details>'
    display_html(html, "\n".join(f"{term}: {text}" for term, text in TERMS.items()))


def fold_next(summary: str) -> None:
    """Display a line that opens and closes the figure after it. On pages the figure is closed at first."""
    html = f'<details class="folds-next"><summary>{escape(summary)}</summary></details>'
    display_html(html, summary)


def any_rows(frame: pd.DataFrame, otherwise: str) -> bool:
    """Return whether a frame has rows. If it has none, display a sentence, which says what would fill the section."""
    if frame.empty:
        say(otherwise)
    return not frame.empty


def replace_section(text: str) -> None:
    """Display a sentence, which says what would fill a section. On pages, it takes the place of the whole section."""
    say(text, role=REPLACES_SECTION)


def lead(text: str) -> None:
    """Display a finding that belongs to no figure, in the style of the titles of figures; "" displays nothing."""
    if text:
        display_html(f'<p class="finding"><b>{escape(text)}</b></p>', text)


def tie_letters(rows: pd.DataFrame, what: str) -> str:
    """Return what the letters of ties mean, for captions, or "" if no row has any. `what` is a plural, in capitals."""
    has_letters = rows["tie_group"].fillna("").ne("").any()
    return f" {what} that share a letter cannot be distinguished." if has_letters else ""


def ranks(scores: pd.DataFrame) -> str:
    """Return the end of a caption of scores on the ranks that are drawn, or "" if only one device has a score."""
    return ", and the ranks that are possible" if (scores["instances"] > 0).sum() > 1 else ""


def fold(summary: str, text: str) -> None:
    """Display a paragraph of plain text that is folded below a line until a reader opens it."""
    if text:
        text = minus(text)
        html = f"<details><summary>{escape(summary)}</summary><p>{escape(text)}</p></details>"
        display_html(html, f"{summary}: {text}")


def whiskers(drawn: pd.DataFrame, intervals: str, many: str = "") -> str:
    """Return the sentence of a caption on whiskers, or `many` if more devices are drawn than have room for them."""
    return f" Whiskers: {intervals}." if drawn["device_id"].nunique() <= device_axis.MANY else many


def wilson(accuracies: pd.DataFrame) -> str:
    """Return the sentence of a caption on Wilson's intervals: whiskers, or for many devices a median of them."""
    return whiskers(accuracies, "Wilson's 95% intervals") or " Band or whisker: the median of Wilson's 95% intervals."


def stars(shares: pd.DataFrame) -> str:
    """Return the sentence of a caption on stars, or "" if no sum is incomplete. Takes a frame of `shares`."""
    return " A star marks incomplete sums." if shares["partial"].any() else ""


def part_of_devices(rows: pd.DataFrame, devices: pd.DataFrame, did: str) -> str:
    """Return how many of the devices did what only a part of them did, or "" if all did. `did` is a verb and object."""
    count, total = rows["device_id"].nunique(), devices["device_id"].nunique()
    return f"{count} of the {plural(total, 'device')} {did}." if 0 < count < total else ""
