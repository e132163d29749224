"""Command line `python -m aiot_analysis.calibrate [--only ROW ...] [--trials N]`; see docs/statistics.md."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_analysis.calibrate import rates, studies
from aiot_analysis.calibrate.rates import NOT_MET
from aiot_analysis.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENT = Path(__file__).parents[2] / "docs" / "statistics.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials, print the table, and write it to docs/statistics.md if it is complete.

    Return 1 if any row misses its target, 2 if a row is unknown, and 0 otherwise.
    """
    options = _parser().parse_args(arguments)
    is_complete = not options.only and options.trials is None
    started = time.monotonic()

    def tell(words: str) -> None:
        print(f"calibrate {time.monotonic() - started:4.0f} s  {words}", file=sys.stderr, flush=True)

    try:
        rate_of = studies.rates(studies.chosen(options.only), options.trials, options.processes, tell)
    except DataError as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 2
    row_names = options.only or rate_of
    results = {
        title: [rate_of[name] for name in names if name in row_names] for title, names in studies.sections().items()
    }
    content = rates.markdown({title: part for title, part in results.items() if part})
    print(content)
    if is_complete:
        rates.write(DOCUMENT, content)
        tell(f"written to {DOCUMENT}")
    return int(any(rate.verdict == NOT_MET for part in results.values() for rate in part))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aiot_analysis.calibrate", description="Error rates of the statistics with planted truths."
    )
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", default=[], help="these rows of the table alone, as 3c-null"
    )
    parser.add_argument("--trials", type=int, metavar="N", help="at most so many trials of each fleet")
    parser.add_argument("--processes", type=int, metavar="N", default=2, help="2 without it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
