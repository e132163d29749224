"""Options of a benchmark from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairs import LEAST_PAIRS, Tell

ROOT = Path(__file__).resolve().parent.parent
"""Folder of the checkout; its subfolder data has the results of `make demo`."""


@dataclass(frozen=True)
class Options:
    """Amount of measurement, and the folder for temporary files."""

    folder: Path
    tell: Tell
    pairs: int = LEAST_PAIRS
    images: int | None = None  # images per run of a network; None for the benchmark's default
    networks: tuple[str, ...] = ()  # such as pytorch_float32_squeezenet; empty for all
    notebooks: int | None = None  # number of notebooks, from the first; None for all
