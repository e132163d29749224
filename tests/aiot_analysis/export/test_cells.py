"""Tests of comparing tables cell by cell."""

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.export import cells

FRAME = {"device_id": ["a", "b"], "n": [1, 2], "time_ms": [10.0, np.nan], "reasons": ["hot", ""]}


def compared(**changed):
    return cells.compare("t", pd.DataFrame(FRAME), pd.DataFrame({**FRAME, **changed}))


def test_a_table_equals_itself():
    result = compared()
    assert (result.equal, result.rows, result.columns) == (True, 2, 4)


@pytest.mark.parametrize(
    ("factor", "different"), [(1 + 1e-10, 0), (1 - 1e-10, 0), (1 + 1e-8, 1), (1 - 1e-8, 1), (np.nan, 1)]
)
def test_numbers_may_differ_by_a_billionth(factor, different):
    assert compared(time_ms=[10.0 * factor, np.nan]).different == different


def test_whole_numbers_may_not_differ():
    big = 10**12
    result = cells.compare("t", pd.DataFrame({"n": [big]}), pd.DataFrame({"n": [big + 1]}))
    assert result.different == 1


def test_the_first_cells_are_named_with_both_values():
    result = compared(time_ms=[10.5, 3.0])
    assert result.different == 2
    assert result.first == [
        cells.Cell("row 1, a, 1, hot", "time_ms", "10.0", "10.5"),
        cells.Cell("row 2, b, 2", "time_ms", "nothing", "3.0"),
    ]


def test_wording_is_listed_separately():
    result = compared(reasons=["warm", ""])
    assert (result.different, result.wording, result.equal) == (0, 1, False)
    assert result.first_wording == [cells.Cell("row 1, a, 1, hot", "reasons", "hot", "warm")]


def test_lists_and_missing_values():
    left = pd.DataFrame({"top5": [np.array([1, 2]), None], "flag": pd.array([True, None], "boolean")})
    right = pd.DataFrame({"top5": [np.array([1, 2]), None], "flag": pd.array([True, None], "boolean")})
    assert cells.compare("t", left, right).equal
    right["top5"] = [np.array([1, 3]), None]
    result = cells.compare("t", left, right)
    assert [(cell.column, cell.crate, cell.here) for cell in result.first] == [("top5", "[1, 2]", "[1, 3]")]


def test_rows_and_columns_that_only_one_has_are_named():
    frame = pd.DataFrame(FRAME)
    fewer = cells.compare("t", frame, frame.iloc[1:].reset_index(drop=True))
    assert fewer.problem == "2 rows in the crate, 1 here; only in the crate: row 1, a, 1, hot"
    other = cells.compare("t", frame, frame.rename(columns={"n": "m"}))
    assert other.problem == "columns only in the crate: n; columns only here: m"
    assert not other.equal
    assert other.different == 0


def test_csv_keeps_all_digits(tmp_path):
    for name, value in (("a", 0.1 + 0.2), ("b", 0.3)):
        pd.DataFrame({"x": [value]}).to_csv(tmp_path / f"{name}.csv", index=False)
    assert cells.compare_files("t", tmp_path / "a.csv", tmp_path / "b.csv").equal
    (tmp_path / "c.csv").write_text("x\n0.3000001\n")
    assert cells.compare_files("t", tmp_path / "a.csv", tmp_path / "c.csv").different == 1
    assert cells.compare_files("t", tmp_path / "a.csv", tmp_path / "d.csv").problem == "it does not exist here"
