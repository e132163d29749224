"""Facts of Qualcomm AI Hub that come with the package, in the dataclasses of its files (see ai_hub)."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.importers import ai_hub
from runner.importers.image_labels import FACTS
from runner.importers.imported_runs import dataset_record, sha256_of
from runner.importers.input_files import LogSource, Publication, github_address, model_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.importers.imported_runs import ImportSession

PERFORMANCE = FACTS / "ai_hub_performance.csv"
ACCURACY = FACTS / "ai_hub_accuracy.csv"
RETRIEVED = "2026-11-28"

Row = dict[str, str]


def _rows(path: Path) -> dict[str, list[Row]]:
    """Return the rows of a file by their model."""
    by_model: dict[str, list[Row]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_model.setdefault(row["model"], []).append(row)
    return by_model


def profile(row: Row) -> ai_hub.HubProfile:
    """Return a row of ai_hub_performance.csv."""
    return ai_hub.HubProfile(
        model=model_name(row["model"]),
        precision=row["precision"],
        device=row["device"],
        runtime=row["runtime"],
        status=row["status"],
        inference_ms=float(row["inference_ms"]) if row["inference_ms"] else None,
        compute_unit=row["compute_unit"] or None,
        layers=_whole(row["layers"]),
        layers_npu=_whole(row["layers_npu"]),
        layers_gpu=_whole(row["layers_gpu"]),
        layers_cpu=_whole(row["layers_cpu"]),
        memory_min_mb=_whole(row["memory_min_mb"]),
        memory_max_mb=_whole(row["memory_max_mb"]),
        job_id=row["job_id"] or None,
        versions=row["versions"] or None,
    )


def _whole(text: str) -> int | None:
    """Return a whole number, which the file may write as "569.0", or None for an empty cell."""
    return int(float(text)) if text else None


def accuracy(row: Row) -> ai_hub.HubAccuracy:
    """Return a row of ai_hub_accuracy.csv."""
    images = int(row["samples"])
    return ai_hub.HubAccuracy(
        model=model_name(row["model"]),
        precision=row["precision"],
        device=row["device"],
        runtime=row["runtime"],
        dataset=row["dataset"],
        images=images,
        correct=ai_hub.correct_images(ACCURACY.name, float(row["accuracy_percent"]), images),
        torch_accuracy=float(row["torch_accuracy_percent"]) / 100,
    )


def sessions() -> Iterator[ImportSession]:
    """Yield the sessions of all models, by device. They start on the day on which the facts were retrieved."""
    started = datetime.fromisoformat(RETRIEVED).replace(tzinfo=UTC)
    accuracies = _rows(ACCURACY)
    for model, rows in _rows(PERFORMANCE).items():
        beside = accuracies.get(model, [])
        content = sha256_of(repr([sorted(row.items()) for row in [*rows, *beside]]))
        address, commit = github_address(rows[0]["source"])
        yield from ai_hub.make_sessions(
            [profile(row) for row in rows],
            [accuracy(row) for row in beside],
            [LogSource(PERFORMANCE, content, started, PERFORMANCE.name, fact=model)],
            dataset_record,
            started,
            "the day on which the publication was read",
            Publication(
                f"AI Hub Models at {commit}",
                address=address,
                retrieved=RETRIEVED,
                publisher="Qualcomm",
            ),
        )
