"""What the command line asks of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairs import LEAST_PAIRS, Tell

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: what `make demo` made is in its folder data."""


@dataclass(frozen=True)
class Options:
    """How much is measured, and where temporary files go."""

    folder: Path
    tell: Tell
    pairs: int = LEAST_PAIRS
    images: int | None = None  # for each run of a network; None: the benchmark's own number
    networks: tuple[str, ...] = ()  # like pytorch_float32_squeezenet; none: all
    notebooks: int | None = None  # the first so many; None: all
