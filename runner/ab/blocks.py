"""The order of an A/B session, its blocks in the raw logs, and the blocks that remain."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiot_suite.errors import SelectionError
from runner import ledger, rawlog
from runner.progress import counted
from runner.run_request import AB, refused

SIDES = ("a", "b")
PLACE = ("session", "side", "block", "first", "blocks", "seed", *SIDES)  # keys of the field `ab` of run.json
FEWEST_PAIRS = 3  # minimum for an interval over blocks: docs/compare.md
FEWEST_BLOCKS = 4  # the smallest even number with that many pairs


def firsts(blocks: int, seed: int) -> list[str]:
    """Return the side that runs first in each block, "a" or "b".

    Blocks come in pairs, one starting with A and one with B in an order drawn with the seed, so that the runs go ABBA
    or BAAB: a steady drift from run to run then affects both sides alike.

    Raises:
        SelectionError: The number of blocks is odd or too small for an interval.
    """
    if blocks < FEWEST_BLOCKS or blocks % 2:
        reason = (
            f"nothing can be decided, because an interval over blocks needs {FEWEST_PAIRS}"
            if blocks < FEWEST_PAIRS
            else "one side comes first more often, so a steady drift does not cancel"
        )
        raise SelectionError(f"With {counted(blocks, 'block')}, {reason}: use an even number, {FEWEST_BLOCKS} or more.")
    draw = random.Random(seed)
    return [first for _ in range(blocks // 2) for first in draw.choice(("ab", "ba"))]


@dataclass(frozen=True)
class Block:
    """One short run of each side."""

    number: int  # from 1; a block that is measured again gets a new number
    first: str

    @property
    def sides(self) -> tuple[str, str]:
        """The sides in the order in which they run."""
        return ("a", "b") if self.first == "a" else ("b", "a")


@dataclass(frozen=True)
class Session:
    """The parameters of an A/B session."""

    id: str
    seed: int
    blocks: int
    words: Mapping[str, str]  # settings by side, like {"a": "threads=1", "b": "threads=2"}

    @classmethod
    def new(cls, seed: int, blocks: int, words: Mapping[str, str]) -> Session:
        """Return a session with a new id."""
        return cls(f"{datetime.now(UTC):%Y%m%dT%H%M%S}Z-{secrets.token_hex(3)}", seed, blocks, words)

    def record(self, block: Block, side: str) -> dict[str, Any]:
        """Return the field `ab` of run.json for one short run."""
        position = {"session": self.id, "side": side, "block": block.number, "first": block.first}
        return {**position, "blocks": self.blocks, "seed": self.seed, **self.words}

    def seed_of(self, block: Block) -> int:
        """Return the seed of both runs of a block, which determines their images and the order of their instances."""
        return self.seed + block.number


@dataclass(frozen=True)
class Recorded:
    """A block as recorded by its runs."""

    block: Block
    folders: Mapping[str, Path] = field(default_factory=dict)  # by side

    @property
    def problems(self) -> list[str]:
        """Why the pair is incomplete, as messages; empty if both sides measured everything."""
        messages = []
        for side in self.block.sides:
            if side not in self.folders:
                messages.append(f"{side.upper()} was not run")
                continue
            problems = _problems(self.folders[side])
            messages += [
                f"{side.upper()}: {instance_id} {problem}" for instance_id, problem in problems.items() if problem
            ]
        return messages

    @property
    def refused(self) -> list[str]:
        """Requested conditions that the device did not grant, with the reason."""
        return list(dict.fromkeys(reason for folder in self.folders.values() for reason in refused(folder)))

    @property
    def pairs(self) -> int:
        """Number of instances measured on both sides, matched by their position in the run."""
        if len(self.folders) < len(SIDES):
            return 0
        outcomes = zip(*(_problems(self.folders[side]).values() for side in SIDES), strict=False)
        return sum(not any(problems) for problems in outcomes)


def _problems(folder: Path) -> dict[str, str]:
    """Return for each instance of a run, in order, why it did not measure what was requested, or "" if it did."""
    problems: dict[str, str] = {}
    for entry in ledger.read(folder):
        problem = ""
        if entry.status not in ledger.DONE:
            problem = f"{entry.status}: {entry.last.get('reason') or 'its log is incomplete'}"
        else:
            attempt = rawlog.read_attempt(rawlog.attempt_path(folder, entry.instance_id, entry.attempts))
            load: dict[str, Any] = next(iter(attempt.of("load")), {})
            asked = load.get("accelerator_requested")
            if asked not in (None, "cpu") and load.get("accelerator_actual") == "cpu":
                problem = f"ran on the cpu, but {asked} was requested"
        problems[entry.instance_id] = problem
    return problems


def recorded(raw: Path, slug: str, session: str) -> list[Recorded]:
    """Return the blocks of a session in the raw logs of a device, ordered by number."""
    blocks: dict[int, Recorded] = {}
    for folder, place in _runs(raw, slug):
        if place["session"] == session:
            block = Block(place["block"], place["first"])
            earlier = blocks.get(block.number, Recorded(block))
            blocks[block.number] = Recorded(block, {**earlier.folders, place["side"]: folder})
    return [blocks[number] for number in sorted(blocks)]


def remaining_blocks(session: Session, measured: Sequence[Recorded]) -> list[Block]:
    """Return the blocks that have not been measured yet.

    A block with a problem is measured again as a whole, with both sides in the same order and under a new number: A and
    B only share the drift within a block if one directly follows the other.
    """
    orders = firsts(session.blocks, session.seed)
    for block in measured:
        if not block.problems and block.block.first in orders:
            orders.remove(block.block.first)
    number = max((block.block.number for block in measured), default=0)
    return [Block(number + position, first) for position, first in enumerate(orders, 1)]


def newest_session(raw: Path, slug: str) -> str | None:
    """Return the id of the newest session of a device, or None if it has none."""
    runs = _runs(raw, slug)
    return str(runs[-1][1]["session"]) if runs else None


def session_differences(
    raw: Path, slug: str, session: str, asked: Session, records: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return the names of what differs between a recorded session and `asked`, such as "blocks" or "models".

    The list is empty if the session can be continued. `records` has the run.json content of a run of each side (see
    `runner.run_request.Request.record`).
    """
    different: dict[str, None] = {}
    for folder, place in _runs(raw, slug):
        if place["session"] != session:
            continue
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        wanted = records[place["side"]]
        pairs = {
            "blocks": (place["blocks"], asked.blocks),
            "seed": (place["seed"], asked.seed),
            "settings": ({side: place[side] for side in SIDES}, dict(asked.words)),
            "instances": (sorted(record["suite"]), sorted(wanted["suite"])),
            **{name: (record.get(name), wanted[name]) for name in wanted if name not in ("ab", "seed", "suite")},
        }
        different |= {name.replace("_", " "): None for name, (before, now) in pairs.items() if before != now}
    return list(different)


def _runs(raw: Path, slug: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return the folders of a device's short runs in chronological order, each with the field `ab` of its run.json."""
    runs = []
    for folder in rawlog.run_folders(raw):
        if folder.parent.name == slug and (folder / "run.json").is_file():
            record = rawlog.read_json(folder / "run.json", {})
            place = record.get("ab") or {}
            if record.get("study") == AB and all(name in place for name in PLACE):
                runs.append((folder, place))
    return runs
