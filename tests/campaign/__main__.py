"""Command line `python -m tests.campaign [--only KIND ...] [--moments N] [--seed N]`; see docs/devices.md."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.campaign import table, tries
from tests.campaign.kinds import KINDS
from tests.unpacked import NotHere

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "devices.md"
LOG = ROOT / "build" / "campaign.jsonl"
MOMENTS, SEED, JOBS = 10, 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tries, print the table, and write it to docs/devices.md if it is complete.

    Return 1 if anything counted, 2 if the campaign cannot be run here, and 0 otherwise.
    """
    options = _parser().parse_args(arguments)
    kinds = [KINDS[name] for name in options.only] or list(KINDS.values())
    started = time.monotonic()
    _let_children_hear_signals()

    def tell(words: str) -> None:
        print(f"campaign {time.monotonic() - started:5.0f} s  {words}", file=sys.stderr, flush=True)

    done = []
    try:
        for one in tries.all_tries(kinds, options.moments, options.seed, options.jobs, options.log):
            done.append(one)
            number = f"{len(done)} of {len(kinds) * options.moments}"
            tell(f"{number}: {one.kind} {one.number} at {one.moment} ({one.phase}), {one.seconds:.0f} s")
            for finding in one.findings:
                tell(f"    {finding.column}: {finding.sentence}")
    except NotHere as reason:
        print(f"campaign: {reason}.", file=sys.stderr)
        return 2
    content = table.markdown(kinds, done, options.seed)
    print(content)
    if not options.only and options.moments >= MOMENTS:
        table.write(options.document, content)
        tell(f"written to {options.document}")
    return int(any(one.findings for one in done))


def _let_children_hear_signals() -> None:
    """Undo that a shell starts what runs in the background with signals ignored: commands would inherit that."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign", description="Faults at random moments of runs on real adbd devices."
    )
    parser.add_argument("--only", nargs="+", metavar="KIND", default=[], choices=list(KINDS), help="these kinds alone")
    parser.add_argument("--moments", type=int, metavar="N", default=MOMENTS, help=f"tries of each kind: {MOMENTS}")
    parser.add_argument("--seed", type=int, metavar="N", default=SEED, help=f"of the moments: {SEED}")
    parser.add_argument("--jobs", type=int, metavar="N", default=JOBS, help=f"tries at once: {JOBS}")
    parser.add_argument("--log", type=Path, metavar="FILE", default=LOG, help="gets a line for each try")
    parser.add_argument("--document", type=Path, metavar="FILE", default=DOCUMENT, help="has the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
