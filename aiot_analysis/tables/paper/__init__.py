"""Data published in the paper: Tables I to IV and the counts in its text, value for value as printed."""

from __future__ import annotations

from importlib import resources

import pandas as pd

TOP10_NOTE = (
    "Table IV ranks the Meizu 16Xs (id 43, Snapdragon 675) tenth, above six of the eleven Snapdragon 855 and 855+ "
    "phones and every Kirin 990. It may be a misprint for the Meizu 16s (id 50, Snapdragon 855). "
    "The table is given as printed."
)


def _read(name: str) -> pd.DataFrame:
    """Read a CSV file of this package."""
    with resources.files(__package__).joinpath(name).open("rb") as file:
        return pd.read_csv(file)


def coverage() -> pd.DataFrame:
    """Return Table I, which architectures and frameworks three benchmarks cover: 9 rows.

    Columns are kind, item and, as booleans, aiotbench, mlperf_inference and ai_benchmark.
    """
    return _read("coverage.csv")


def models() -> pd.DataFrame:
    """Return Table II, one row per model: 6 rows.

    Columns are model, flops_millions (multiply-accumulates, in millions), params_millions, accuracy_percent (the
    models' own reference on ImageNet), layers, branch (single or multi) and main_operators.
    """
    return _read("models.csv")


def devices() -> pd.DataFrame:
    """Return Table III, one row per phone, 51 rows: paper_id, device, soc, ram_gb and android (version)."""
    return _read("devices.csv")


def top10() -> pd.DataFrame:
    """Return Table IV, 10 rows: rank, device and vips (valid images per second over the 24 float32 instances).

    TOP10_NOTE describes an oddity in its last row.
    """
    return _read("vips_top10.csv")


def counts() -> pd.DataFrame:
    """Return the counts in the paper's text, 15 rows: count (a name), what, where (section) and printed (integer)."""
    return _read("counts.csv")
