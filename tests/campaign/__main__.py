"""Command line `python -m tests.campaign [--ssh] [--only KIND ...] [--moments N] [--seed N]`; see docs/devices.md."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tests.campaign import table, tries
from tests.campaign.kinds import KINDS, SSH_KINDS
from tests.unpacked import NotHere

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "devices.md"
SSH_DOCUMENT = ROOT / "docs" / "boards.md"
LOG = ROOT / "build" / "campaign.jsonl"
MOMENTS, SEED, JOBS = 10, 1, 6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tries, print the table, and write it to the document if every kind has MOMENTS tries or more.

    Return 1 if anything went wrong, 2 if the campaign cannot be run here, and 0 otherwise.
    """
    options = _parser().parse_args(arguments)
    every = SSH_KINDS if options.ssh else KINDS
    kinds = [(KINDS | SSH_KINDS)[name] for name in options.only] or list(every.values())
    document = options.document or (SSH_DOCUMENT if options.ssh else DOCUMENT)
    started = time.monotonic()
    _let_children_hear_signals()

    def tell(words: str) -> None:
        print(f"campaign {time.monotonic() - started:5.0f} s  {words}", file=sys.stderr, flush=True)

    done = []
    folder = tempfile.mkdtemp(prefix="aiot-campaign-")
    tempfile.tempdir = folder
    try:
        for attempt in tries.all_tries(kinds, options.moments, options.seed, options.jobs, options.log):
            done.append(attempt)
            when = f"at {attempt.moment} ({attempt.phase}), {attempt.seconds:.0f} s"
            tell(f"{len(done)} of {len(kinds) * options.moments}: {attempt.kind} {attempt.number} {when}")
            for finding in attempt.findings:
                tell(f"    {finding.column}: {finding.sentence}")
    except NotHere as reason:
        print(f"campaign: {reason}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        _end_at_once(folder)
    finally:
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)
    content = table.markdown(kinds, done, options.seed)
    print(content)
    if not options.only and options.moments >= MOMENTS:
        table.write(document, content)
        tell(f"written to {document}")
    return int(any(attempt.findings for attempt in done))


def _end_at_once(folder: str) -> NoReturn:
    """Replace this process by one that ends all its children and deletes the folder.

    The threads of tries that are running end with this process: they could start commands and write files meanwhile.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # also for the new process
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tests.campaign.cleanup", folder])


def _let_children_hear_signals() -> None:
    """Handle signals that a shell ignores for background jobs, since commands would inherit that they are ignored."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign", description="Faults at random moments of runs on real adbd or sshd devices."
    )
    parser.add_argument(
        "--only", nargs="+", metavar="KIND", default=[], choices=[*KINDS, *SSH_KINDS], help="these kinds alone"
    )
    parser.add_argument("--ssh", action="store_true", help="the kinds of boards over SSH, with real sshd processes")
    parser.add_argument("--moments", type=int, metavar="N", default=MOMENTS, help=f"tries of each kind: {MOMENTS}")
    parser.add_argument("--seed", type=int, metavar="N", default=SEED, help=f"of the moments: {SEED}")
    parser.add_argument("--jobs", type=int, metavar="N", default=JOBS, help=f"tries at once: {JOBS}")
    parser.add_argument("--log", type=Path, metavar="FILE", default=LOG, help="gets a line for each try")
    parser.add_argument("--document", type=Path, metavar="FILE", help="has the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
