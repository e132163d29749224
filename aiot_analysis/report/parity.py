"""The parity of model files, for readers: a compact table of text, and what it says in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aiot_analysis import names
from aiot_analysis.stats import parity

CHECK = "`aiot models check`, then `aiot run` and `aiot process`"
LINES = {  # of a model: column and how its numbers are written
    "largest difference": ("parity_difference", "{:.1e}"),
    "same top-1": ("parity_top1_agreement", "{:.0%}"),
    "accuracy": ("parity_accuracy", "{:.3f}"),
}


def sentence(files: pd.DataFrame, origin: str) -> str:
    """How many files passed, and which command helps; where there is nothing to check, why.

    Takes the frame of `stats.parity.files`; commands stand in backquotes.
    """
    if origin == "simulated":
        return "Simulated data come from no model files, so there is nothing to check."
    if files.empty:
        return f"No model file was run: `aiot models prepare`, then {CHECK}."
    passed, failed = (int((files["state"] == state).sum()) for state in (parity.PASSED, parity.FAILED))
    unchecked = len(files) - passed - failed
    if unchecked == len(files):
        return f"No model file was checked: {CHECK}."
    said = f"{passed} of {passed + failed} model files that were checked passed."
    if failed:
        said += " What was measured with the others, marked ✗, is not what their networks give."
    return said + (f" Not checked: {unchecked}, which needs {CHECK}." if unchecked else "")


def grid(files: pd.DataFrame) -> pd.DataFrame:
    """Three lines a model, as LINES has them, a column a file, and the accuracy of the float32 original.

    Takes the frame of `stats.parity.files`. A file that failed is marked ✗, one that was not checked says so; where
    there is no such file, the cells are null.
    """
    shown = files.assign(model=_models(files), file=_files(files))
    lines: list[dict[str, Any]] = []
    for model, part in shown.groupby("model", sort=False):
        accuracy = part["parity_accuracy_original"].dropna()
        for number, line in enumerate(LINES):
            cells = {file["file"]: _cell(file, line) for file in part.to_dict("records")}
            original = f"{accuracy.iloc[0]:.3f}" if line == "accuracy" and len(accuracy) else None
            lines.append({"model": "" if number else model, "": line, "original": original, **cells})
    order = shown.sort_values(["framework", "quantization"], key=_places)["file"].drop_duplicates()
    return pd.DataFrame(lines, columns=["model", "", "original", *order], dtype="object")


def failures(files: pd.DataFrame) -> pd.DataFrame:
    """What was found of each file that failed."""
    failed = files[files["state"] == parity.FAILED]
    found = {"model": _models(failed), "file": _files(failed), "finding": failed["parity_finding"]}
    return pd.DataFrame(found | {"images": failed["parity_images"], "dataset": failed["parity_dataset"]})


def _cell(file: Mapping[Any, Any], line: str) -> str | None:
    column, pattern = LINES[line]
    first = line == next(iter(LINES))
    if file["state"] == parity.UNCHECKED:
        return parity.UNCHECKED if first else None
    mark = "✗ " if first and file["state"] == parity.FAILED else ""
    if pd.isna(file[column]):
        return mark + "no original" if first else None
    return mark + pattern.format(file[column])


def _places(column: pd.Series) -> pd.Series:
    return names.places(column, parity.FRAMEWORKS if column.name == "framework" else names.QUANTIZATIONS)


def _models(files: pd.DataFrame) -> pd.Series:
    """The model, and its weights where there are several."""
    model, weights = files["model"].map(names.display), files["weights"].astype("object").fillna("unknown")
    return model + " (" + weights + " weights)" if weights.nunique() > 1 else model


def _files(files: pd.DataFrame) -> pd.Series:
    return files["framework"].map(names.framework) + " " + files["quantization"].map(names.display)
