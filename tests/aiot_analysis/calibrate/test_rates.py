"""Tests of shares, their intervals, and the table of rates."""

import pytest

from aiot_analysis.calibrate import __main__, rates, studies
from aiot_analysis.calibrate.rates import COVERAGE, MET, NOT_MET, NULL, POWER, SHOWN, WITHIN_ERROR, Rate, RateRow
from aiot_analysis.errors import DataError

ROW = RateRow("a-null", "nothing", "remarks", "a holds", NULL)
CHEAP = "4-of-500-1a"


def test_the_interval_of_none_of_twenty():
    low, high = Rate(ROW, 0, 20).interval
    # Clopper and Pearson: the share p with (1 - p)^20 = 0.025
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))


@pytest.mark.parametrize(
    ("target", "hits", "tries", "verdict"),
    [
        (NULL, 5, 100, MET),
        (NULL, 6, 100, WITHIN_ERROR),
        (NULL, 20, 100, NOT_MET),
        (POWER, 80, 100, MET),
        (POWER, 79, 100, WITHIN_ERROR),
        (POWER, 60, 100, NOT_MET),
        (COVERAGE, 95, 100, MET),
        (COVERAGE, 980, 1000, WITHIN_ERROR),
        (COVERAGE, 999, 1000, NOT_MET),
        (COVERAGE, 850, 1000, NOT_MET),
        (None, 50, 100, SHOWN),
    ],
)
def test_a_target_is_missed_where_the_whole_interval_is_outside(target, hits, tries, verdict):
    assert Rate(RateRow("a", "", "", "", target), hits, tries).verdict == verdict


def test_a_row_of_the_table():
    line = rates.line(Rate(ROW, 0, 20))
    assert line == "| nothing | remarks | a holds: 0% (0 to 16.8%) | at most 5% | 20 | yes | `a-null` |"
    with_note = RateRow("b", "nothing", "remarks", "b holds", None, "500 images do not tell")
    assert rates.line(Rate(with_note, 1, 2)).endswith("| none | 2 | 500 images do not tell | `b` |")


def test_verdicts_are_counted():
    judged = [Rate(ROW, 0, 20), Rate(ROW, 2, 20), Rate(ROW, 20, 20), Rate(RateRow("c", "", "", "", None), 1, 2)]
    assert rates.markdown({"Claims": judged}).startswith(
        "Of 3 rows with a target 1 meet it, 1 miss it within the error of the trials, and 1 do not meet it."
    )


def test_the_table_takes_the_place_between_its_markers(tmp_path):
    path = tmp_path / "document.md"
    path.write_text(f"before\n{rates.BEGIN}\nold\n{rates.END}\nafter\n", encoding="utf-8")
    rates.write(path, "new")
    assert path.read_text(encoding="utf-8") == f"before\n{rates.BEGIN}\n\nnew\n\n{rates.END}\nafter\n"


@pytest.mark.parametrize("text", ["", rates.BEGIN, rates.END + rates.BEGIN, 2 * (rates.BEGIN + rates.END)])
def test_a_document_without_its_markers_is_refused(text):
    with pytest.raises(DataError, match="must have one line"):
        rates.written(text, "new")


def test_every_row_has_a_place_in_the_table():
    listed = [name for names in studies.sections().values() for name in names]
    every = [row.name for study in studies.studies().values() for row in study.rows]
    assert sorted(listed) == sorted(every)


def test_trials_are_the_same_however_they_are_divided():
    _, both = studies.count((CHEAP, 0, 2))
    halves = [studies.count((CHEAP, first, first + 1))[1][CHEAP] for first in (0, 1)]
    assert both[CHEAP] == tuple(map(sum, zip(*halves, strict=True)))


def test_trials_differ():
    study = studies.studies()[CHEAP]
    drawn = {studies.generator(study, trial).random() for trial in range(50)}
    assert len(drawn) == 50


def test_processes_give_what_one_gives():
    selected = studies.chosen([CHEAP])
    assert studies.rates(selected, 2, processes=2) == studies.rates(selected, 2, processes=1)


def test_development_runs_leave_the_document_alone(capsys):
    before = __main__.DOCUMENT.read_bytes()
    assert __main__.main(["--only", CHEAP, "--trials", "1", "--processes", "1"]) == 0
    assert f"`{CHEAP}`" in capsys.readouterr().out
    assert __main__.DOCUMENT.read_bytes() == before


def test_an_unknown_row_is_an_error_that_lists_the_rows(capsys):
    assert __main__.main(["--only", "9z-null"]) == 2
    assert "choose from nnapi-equal-3c" in capsys.readouterr().err


@pytest.mark.parametrize(("hits", "code"), [(0, 0), (20, 1)])
def test_a_whole_run_writes_the_document_and_fails_if_a_target_is_not_met(tmp_path, monkeypatch, hits, code):
    document = tmp_path / "statistics.md"
    document.write_text(f"{rates.BEGIN}\n{rates.END}\n", encoding="utf-8")
    monkeypatch.setattr(__main__, "DOCUMENT", document)
    rows = {row.name: row for study in studies.studies().values() for row in study.rows}
    nulls = {
        name: Rate(row, hits if row.target is NULL else 95, 20 if row.target is NULL else 100)
        for name, row in rows.items()
    }
    monkeypatch.setattr(studies, "rates", lambda *_: nulls)
    assert __main__.main([]) == code
    assert "`3c-null`" in document.read_text(encoding="utf-8")
