"""Text that pages share: leads, captions of ties, and sentences in place of sections."""

import pandas as pd
import pytest

from aiot_analysis.display import export, reading


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """Collect what is displayed, as pairs of data and metadata by MIME type."""
    displayed: list[tuple[object, object]] = []
    monkeypatch.setattr(
        "aiot_analysis.display.show.display_data", lambda data, metadata=None: displayed.append((data, metadata))
    )
    return displayed


def test_letters_are_explained_only_where_there_are_any() -> None:
    rows = pd.DataFrame({"tie_group": ["a", "ab", ""]})
    assert reading.tie_letters(rows, "Devices") == " Devices that share a letter cannot be distinguished."
    assert reading.tie_letters(rows.tail(1), "Devices") == ""
    assert reading.tie_letters(rows.assign(tie_group=None), "Devices") == ""
    assert reading.tie_letters(rows.head(0), "Devices") == ""


def test_ranks_are_mentioned_only_for_several_devices() -> None:
    scores = pd.DataFrame({"instances": [24, 6, 0]})
    assert reading.ranks(scores) == ", and the ranks that are possible"
    assert reading.ranks(scores.tail(2)) == ""


def test_a_lead_looks_like_a_finding_and_nothing_is_displayed_for_none(shown: list[tuple[object, object]]) -> None:
    reading.lead("")
    reading.lead("3 devices <new>.")
    [(data, _)] = shown
    assert data == {
        "text/html": '<p class="finding"><b>3 devices &lt;new&gt;.</b></p>',
        "text/plain": "3 devices <new>.",
    }


def test_a_sentence_in_place_of_a_section_is_marked_for_pages(shown: list[tuple[object, object]]) -> None:
    reading.replace_section("Run `aiot run`.")
    [(data, metadata)] = shown
    assert data == {"text/html": "<p>Run <code>aiot run</code>.</p>", "text/plain": "Run `aiot run`."}
    assert metadata == {"text/html": {"role": export.REPLACES_SECTION}}


@pytest.mark.parametrize(("devices", "caption"), [(12, " Whiskers: 95% intervals."), (13, "")])
def test_captions_mention_whiskers_only_if_there_is_room_for_them(devices, caption):
    drawn = pd.DataFrame({"device_id": [*range(devices), 0]})
    assert reading.whiskers(drawn, "95% intervals") == caption
    assert reading.whiskers(drawn, "95% intervals", " A band.") == (caption or " A band.")


def test_captions_mention_stars_only_if_a_sum_is_incomplete():
    assert reading.stars(pd.DataFrame({"partial": [False, True]})) == " A star marks incomplete sums."
    assert reading.stars(pd.DataFrame({"partial": [False, False]})) == ""


def test_a_part_of_the_devices_is_counted():
    devices = pd.DataFrame({"device_id": ["a", "b", "c"]})
    two = pd.DataFrame({"device_id": ["a", "b", "b"]})
    assert reading.part_of_devices(two, devices, "ran it") == "2 of the 3 devices ran it."
    assert reading.part_of_devices(devices, devices, "ran it") == ""
    assert reading.part_of_devices(two.head(0), devices, "ran it") == ""


def test_a_folded_paragraph_has_a_line_that_opens_it(monkeypatch):
    displayed = []
    monkeypatch.setattr(reading, "display_html", lambda html, text: displayed.append((html, text)))
    reading.fold("Which & why", "a < -1")
    assert displayed == [
        ("<details><summary>Which &amp; why</summary><p>a &lt; −1</p></details>", "Which & why: a < −1")
    ]
    reading.fold("Nothing", "")
    assert len(displayed) == 1
