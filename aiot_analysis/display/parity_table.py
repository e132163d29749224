"""Parity of model files for readers: a compact table of text, and a summary in one or two sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aiot_analysis.stats import parity
from aiot_analysis.tables import names

CHECK = "`aiot models check`, then `aiot run` and `aiot process`"
DIFFERENCE, TOP1, ACCURACY = "difference", "same top-1", "accuracy / original's"


def of_files(files: pd.DataFrame, origin: str) -> str:
    """Return how many files passed and which command checks the others, or why there is nothing to check.

    Takes the frame of `stats.parity.files`. Commands are in backquotes.
    """
    if origin == "simulated":
        return "Simulated data have no model files, so there is nothing to check."
    if files.empty:
        return f"No model file was run: run `aiot models prepare`, then {CHECK}."
    passed, failed = (int((files["state"] == state).sum()) for state in (parity.PASSED, parity.FAILED))
    unchecked = len(files) - passed - failed
    if unchecked == len(files):
        return f"No model file was checked: run {CHECK}."
    fewest, most = files["parity_images"].min(), files["parity_images"].max()
    images = f"{fewest} images" if fewest == most else f"{fewest} to {most} images"
    text = f"{passed} of {passed + failed} checked model files passed, on {images}."
    if failed:
        text += " The others, marked ✗, do not compute what their networks compute, so their measurements are excluded."
    return text + (f" Not checked: {unchecked}. To check them, run {CHECK}." if unchecked else "")


def grid(files: pd.DataFrame) -> pd.DataFrame:
    """Return a table with three rows per model (DIFFERENCE, TOP1, ACCURACY) and one column per file.

    Takes the frame of `stats.parity.files`. Files that failed are marked ✗, and unchecked ones are labelled as such.
    Cells are null if there is no such file.
    """
    labelled = files.assign(model=_models(files), file=_files(files))
    lines: list[dict[str, Any]] = []
    for model, part in labelled.groupby("model", sort=False):
        cells = {file["file"]: _cells(file) for file in part.to_dict("records")}
        for measure in (DIFFERENCE, TOP1, ACCURACY):
            values = {file: texts.get(measure) for file, texts in cells.items()}
            lines.append({"model": f"{model}: {measure}" if measure == DIFFERENCE else measure, **values})
    order = labelled.sort_values(["framework", "quantization"], key=_places)["file"].drop_duplicates()
    return pd.DataFrame(lines, columns=["model", *order], dtype="object")


def failures(files: pd.DataFrame) -> pd.DataFrame:
    """Return a row per file that failed: model, file, finding, images and dataset."""
    failed = files[files["state"] == parity.FAILED]
    columns = {"model": _models(failed), "file": _files(failed), "finding": failed["parity_finding"]}
    return pd.DataFrame(columns | {"images": failed["parity_images"], "dataset": failed["parity_dataset"]})


def _cells(file: Mapping[Any, Any]) -> dict[str, str]:
    """Return the cells of one file by row; without an original, those of the comparison are missing."""
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
    """Return the positions of frameworks or quantizations in their display order."""
    return names.places(column, names.FRAMEWORKS if column.name == "framework" else names.QUANTIZATIONS)


def _models(files: pd.DataFrame) -> pd.Series:
    """Return the names of the models, with the weights in parentheses if a model has several."""
    model, weights = files["model"].map(names.display), files["weights"].astype("object").fillna("unknown")
    several = weights.groupby(files["model"]).transform("nunique") > 1
    return model.where(~several, model + " (" + weights + ")")


def _files(files: pd.DataFrame) -> pd.Series:
    """Return the names of the files: framework and quantization."""
    return files["framework"].map(names.framework) + " " + files["quantization"].map(names.display)
