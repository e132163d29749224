"""Text that pages share: leads, captions of ties, and sentences in place of sections."""

import pandas as pd
import pytest

from aiot_analysis.display import reading


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
    assert metadata == {"text/html": {"role": reading.REPLACES_SECTION}}
