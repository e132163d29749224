"""The parity of model files, for readers: a compact table of text, and what it says in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aiot_analysis.stats import parity
from aiot_analysis.tables import names

CHECK = "`aiot models check`, then `aiot run` and `aiot process`"
DIFFERENCE, TOP1, ACCURACY = "difference", "same top-1", "accuracy / original's"


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
    few, many = files["parity_images"].min(), files["parity_images"].max()
    images = f"{few} images" if few == many else f"{few} to {many} images"
    said = f"{passed} of {passed + failed} model files that were checked passed, on {images}."
    if failed:
        said += " What was measured with the others, marked ✗, is not what their networks give, and is not used."
    return said + (f" Not checked: {unchecked}, which needs {CHECK}." if unchecked else "")


def grid(files: pd.DataFrame) -> pd.DataFrame:
    """Three lines a model (DIFFERENCE, TOP1, ACCURACY) and a column a file.

    Takes the frame of `stats.parity.files`. A file that failed is marked ✗, one that was not checked says so; where
    there is no such file, the cells are null.
    """
    shown = files.assign(model=_models(files), file=_files(files))
    lines: list[dict[str, Any]] = []
    for model, part in shown.groupby("model", sort=False):
        cells = {file["file"]: _cells(file) for file in part.to_dict("records")}
        for line in (DIFFERENCE, TOP1, ACCURACY):
            told = {file: found.get(line) for file, found in cells.items()}
            lines.append({"model": f"{model}: {line}" if line == DIFFERENCE else line, **told})
    order = shown.sort_values(["framework", "quantization"], key=_places)["file"].drop_duplicates()
    return pd.DataFrame(lines, columns=["model", *order], dtype="object")


def failures(files: pd.DataFrame) -> pd.DataFrame:
    """What was found of each file that failed."""
    failed = files[files["state"] == parity.FAILED]
    found = {"model": _models(failed), "file": _files(failed), "finding": failed["parity_finding"]}
    return pd.DataFrame(found | {"images": failed["parity_images"], "dataset": failed["parity_dataset"]})


def _cells(file: Mapping[Any, Any]) -> dict[str, str]:
    """The lines of one file; none of a comparison where there is no original."""
    if file["state"] == parity.UNCHECKED:
        return {DIFFERENCE: parity.UNCHECKED}
    mark = "✗ " if file["state"] == parity.FAILED else ""
    accuracy = f"{file['parity_accuracy']:.3f}"
    if pd.isna(file["parity_difference"]) or pd.isna(file["parity_accuracy_original"]):
        return {DIFFERENCE: f"{mark}no original", ACCURACY: accuracy}
    return {
        DIFFERENCE: f"{mark}{file['parity_difference']:.1e}",
        TOP1: f"{file['parity_top1_agreement']:.0%}",
        ACCURACY: f"{accuracy} / {file['parity_accuracy_original']:.3f}",
    }


def _places(column: pd.Series) -> pd.Series:
    return names.places(column, parity.FRAMEWORKS if column.name == "framework" else names.QUANTIZATIONS)


def _models(files: pd.DataFrame) -> pd.Series:
    """The model, and its weights where there are several of it."""
    model, weights = files["model"].map(names.display), files["weights"].astype("object").fillna("unknown")
    several = weights.groupby(files["model"]).transform("nunique") > 1
    return model.where(~several, model + " (" + weights + ")")


def _files(files: pd.DataFrame) -> pd.Series:
    return files["framework"].map(names.framework) + " " + files["quantization"].map(names.display)
