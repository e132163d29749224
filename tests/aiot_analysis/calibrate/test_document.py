"""Tests that the table of docs/statistics.md is that of the studies, and that failures fail `make calibrate`."""

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from aiot_analysis.calibrate import __main__, claim_rates, interval_rates, rates, studies
from aiot_analysis.calibrate.rates import NULL, POWER, Rate

REPOSITORY = Path(__main__.__file__).parents[2]
ROWS = {row.name: row for study in studies.studies().values() for row in study.rows}
TRIALS = {row.name: study.trials for study in studies.studies().values() for row in study.rows}
ONCE = {
    row.name
    for part in (claim_rates.claim_studies(), interval_rates.comparison_studies())
    for study in part
    for row in study.rows
}
"""Rows that count a fleet once; in other rows a fleet has several intervals."""


def documented():
    """Return the cells of the rows of the table in the document, by title and in order."""
    text = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
    text = text.split(rates.BEGIN)[1].split(rates.END)[0]
    sections = re.split(r"^\*\*(.+)\*\*$", text, flags=re.MULTILINE)[1:]
    return {
        title: [line.strip("| ").split(" | ") for line in part.splitlines() if line.endswith("` |")]
        for title, part in zip(sections[::2], sections[1::2], strict=True)
    }


def test_the_document_has_the_rows_of_the_studies_in_their_order():
    result = {title: [cells[-1].strip("`") for cells in rows] for title, rows in documented().items()}
    assert list(result.items()) == list(studies.sections().items())


def test_rows_of_the_document_say_what_was_planted_and_asked_for():
    for cells in (cells for rows in documented().values() for cells in rows):
        row = ROWS[cells[-1].strip("`")]
        target = row.target.words if row.target else "none"
        assert cells[:2] == [row.planted, row.part]
        assert (cells[2].split(":")[0], cells[3]) == (row.share_of, target)


def test_each_row_of_the_document_has_its_number_of_trials():
    for cells in (cells for rows in documented().values() for cells in rows):
        name, tries = cells[-1].strip("`"), int(cells[4])
        if name in ONCE:
            assert tries == TRIALS[name]
        else:
            assert tries % TRIALS[name] == 0
            assert tries > 0


def test_the_sentence_above_the_table_counts_its_verdicts():
    text = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8").split(rates.BEGIN)[1]
    verdicts = [cells[5].split(":")[0] for rows in documented().values() for cells in rows if cells[3] != "none"]
    counts = [verdicts.count(word) for word in ("yes", "within error", "**no**")]
    numbers = re.search(r"Of (\d+) rows .* (\d+) meet it, (\d+) miss it .* and (\d+) do not meet it", text).groups()
    assert [int(number) for number in numbers] == [len(verdicts), *counts]


def test_false_claims_have_eighty_trials_or_more_and_true_ones_sixty():
    planted = [*claim_rates.PITFALLS, *claim_rates.PLANTED, *claim_rates.FURTHER]
    assert min(TRIALS[study.row.name] for study in planted if study.target is NULL) >= 80
    assert min(TRIALS[study.row.name] for study in planted if study.target is POWER) >= 60


@pytest.mark.parametrize(("failing", "code"), [(None, 0), (NULL, 1), (POWER, 1)], ids=["none", "null", "power"])
def test_the_module_exits_with_an_error_if_a_single_row_fails(tmp_path, monkeypatch, failing, code):
    document = tmp_path / "docs" / "statistics.md"
    document.parent.mkdir()
    document.write_text(f"{rates.BEGIN}\n{rates.END}\n", encoding="utf-8")
    failed = next((name for name, row in ROWS.items() if row.target is failing), None) if failing else None
    good = {name: Rate(row, 0 if row.target is NULL else 95, 100) for name, row in ROWS.items()}
    bad = {name: Rate(ROWS[name], 100 - rate.hits, 100) if name == failed else rate for name, rate in good.items()}
    monkeypatch.setattr(studies, "rates", lambda *_: bad)
    monkeypatch.setattr(rates, "write", lambda _, content: document.write_text(content, encoding="utf-8"))
    monkeypatch.setattr("sys.argv", ["calibrate"])
    with pytest.raises(SystemExit) as ended, pytest.warns(RuntimeWarning, match="aiot_analysis.calibrate"):
        runpy.run_module("aiot_analysis.calibrate", run_name="__main__")
    assert ended.value.code == code
    assert ("**no**" in document.read_text(encoding="utf-8")) == bool(code)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("code", [0, 1])
def test_make_calibrate_fails_where_the_module_does(tmp_path, code):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "ran $@"\nexit {code}\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "installed").touch()
    command = ["make", "calibrate", f"VENV={tmp_path}", f"BIN={python.parent}"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env={**os.environ})
    assert "ran -m aiot_analysis.calibrate\n" in done.stdout
    assert (done.returncode == 0) == (code == 0)
