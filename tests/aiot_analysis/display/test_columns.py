"""What readers see of columns."""

import re
from pathlib import Path

import pytest

from aiot_analysis.display import columns

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("vips", "VIPS"),
        ("load_ms", "load, ms"),
        ("begin_percent", "begin, %"),
        ("reason without an effect", "reason without an effect"),
        ("places_lost", "places lost"),
        ("minority", "different answers"),
    ],
)
def test_headings_are_words_with_units(name: str, heading: str) -> None:
    assert columns.column_of(name).heading == heading


def test_the_range_of_a_column_beside_it_needs_no_name_of_its_own() -> None:
    assert columns.column_of("rho_min", ["rho", "rho_min"]) == columns.Column("lowest", "{:,.2f}")
    assert columns.column_of("rho_max").heading == "Spearman's ρ, highest"


def test_an_interval_has_both_ends() -> None:
    assert columns.interval_columns("mean_ms", ["mean_ms", "mean_low", "mean_high"]) == ("mean_low", "mean_high")
    assert columns.interval_columns("vips", ["vips", "vips_low"]) is None


def test_intervals_follow_their_columns_once() -> None:
    frame = ["rank", "rank_low", "rank_high", "device_id", "vips", "vips_low"]
    assert columns.with_intervals(["device_id", "vips", "rank"], frame) == [
        "device_id", "vips", "rank", "rank_low", "rank_high",
    ]  # fmt: skip
    assert columns.with_intervals(["rank", "rank_low"], frame) == ["rank", "rank_low", "rank_high"]


def test_every_described_column_is_used_in_the_project() -> None:
    sources = [*(NOTEBOOKS.parent / "aiot_analysis").rglob("*.py"), *NOTEBOOKS.glob("*.ipynb")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.name != "columns.py")
    printed = "".join(path.read_text(encoding="utf-8") for path in (NOTEBOOKS.parent / "aiot_analysis").rglob("*.csv"))
    unknown = [name for name in columns.COLUMNS if not re.search(rf"\b{name}\b", text + printed)]
    assert unknown == []


def test_no_column_has_an_entry_equal_to_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = columns.COLUMNS
    monkeypatch.setattr(columns, "COLUMNS", {})
    assert [name for name, entry in entries.items() if columns.column_of(name) == entry] == []
