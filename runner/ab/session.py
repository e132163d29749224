"""An A/B session: its plan, its balanced order, its blocks in the raw logs, and its short runs."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.datasets.store import subset
from aiot_suite.errors import RunnerError, SelectionError
from aiot_suite.suite import Instance, draw_balanced_order
from runner import fleet, ledger, rawlog
from runner.ab import settings
from runner.ab.settings import SettingsSide
from runner.devices.choice import Choice, choose_devices
from runner.fleet import RunProgress, plural
from runner.run_request import AB, RunRequest, refused_conditions
from runner.suite_run import with_instances

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiot_suite.workspace import Workspace

SIDES = ("a", "b")
POSITION = ("session", "side", "block", "first", "blocks", "seed", *SIDES)  # keys of the field `ab` of run.json
FEWEST_PAIRS = 3  # minimum for an interval over blocks: docs/compare.md
FEWEST_BLOCKS = 4  # the smallest even number with that many pairs


def draw_first_sides(blocks: int, seed: int) -> list[str]:
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
        raise SelectionError(f"With {plural(blocks, 'block')}, {reason}: use an even number, {FEWEST_BLOCKS} or more.")
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
class RecordedBlock:
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
        return list(dict.fromkeys(reason for folder in self.folders.values() for reason in refused_conditions(folder)))

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
            requested = load.get("accelerator_requested")
            if requested not in (None, "cpu") and load.get("accelerator_actual") == "cpu":
                problem = f"ran on the cpu, but {requested} was requested"
        problems[entry.instance_id] = problem
    return problems


def recorded_blocks(raw: Path, slug: str, session: str) -> list[RecordedBlock]:
    """Return the blocks of a session in the raw logs of a device, ordered by number."""
    blocks: dict[int, RecordedBlock] = {}
    for folder, place in _short_runs(raw, slug):
        if place["session"] == session:
            block = Block(place["block"], place["first"])
            earlier = blocks.get(block.number, RecordedBlock(block))
            blocks[block.number] = RecordedBlock(block, {**earlier.folders, place["side"]: folder})
    return [blocks[number] for number in sorted(blocks)]


def remaining_blocks(session: Session, measured: Sequence[RecordedBlock]) -> list[Block]:
    """Return the blocks that have not been measured yet.

    A block with a problem is measured again as a whole, with both sides in the same order and under a new number: A and
    B only share the drift within a block if one directly follows the other.
    """
    orders = draw_first_sides(session.blocks, session.seed)
    for block in measured:
        if not block.problems and block.block.first in orders:
            orders.remove(block.block.first)
    number = max((block.block.number for block in measured), default=0)
    return [Block(number + position, first) for position, first in enumerate(orders, 1)]


def newest_session(raw: Path, slug: str) -> str | None:
    """Return the id of the newest session of a device, or None if it has none."""
    runs = _short_runs(raw, slug)
    return str(runs[-1][1]["session"]) if runs else None


def session_differences(
    raw: Path, slug: str, session: str, requested: Session, records: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return the names of what differs between a recorded session and `requested`, such as "blocks" or "models".

    The list is empty if the session can be continued. `records` has the run.json content of a run of each side (see
    `runner.run_request.Request.record`).
    """
    different: dict[str, None] = {}
    for folder, place in _short_runs(raw, slug):
        if place["session"] != session:
            continue
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        wanted = records[place["side"]]
        pairs = {
            "blocks": (place["blocks"], requested.blocks),
            "seed": (place["seed"], requested.seed),
            "settings": ({side: place[side] for side in SIDES}, dict(requested.words)),
            "instances": (sorted(record["suite"]), sorted(wanted["suite"])),
            **{name: (record.get(name), wanted[name]) for name in wanted if name not in ("ab", "seed", "suite")},
        }
        different |= {name.replace("_", " "): None for name, (before, now) in pairs.items() if before != now}
    return list(different)


def _short_runs(raw: Path, slug: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return the folders of a device's short runs in chronological order, each with the field `ab` of its run.json."""
    runs = []
    for folder in rawlog.run_folders(raw):
        if folder.parent.name == slug and (folder / "run.json").is_file():
            record = rawlog.read_json(folder / "run.json", {})
            place = record.get("ab") or {}
            if record.get("study") == AB and all(name in place for name in POSITION):
                runs.append((folder, place))
    return runs


@dataclass(frozen=True)
class Plan:
    """What an A/B session is going to measure."""

    session: Session
    sides: Mapping[str, SettingsSide]  # by name, "a" and "b"
    remaining: Sequence[Block]
    obstacles: Sequence[str]  # why pairs of instances are excluded
    newest: str | None = None  # the newest session of the device, if it was to be continued
    differences: Sequence[str] = ()  # in what it differs from this one, so that a new one begins


def make_plan(
    space: Workspace,
    common: RunRequest,
    words: Mapping[str, Mapping[str, str]],
    options: Mapping[str, Sequence[str]],
    choice: Choice,
    *,
    checks_folder: Path,
    number_of_blocks: int,
    resume: bool,
) -> Plan:
    """Return the plan of a session.

    Parameters
    ----------
    space
        The workspace.
    common
        The part of the request that both sides share: see runner.suite_run.build_request.
    words
        The settings of each side, by the name of the side.
    options
        The models, frameworks, delegates and quantizations that the user selected.
    choice
        The device that the user selected, and how to reach it.
    checks_folder
        Folder of the model files, with what was found about them.
    number_of_blocks
        Number of blocks of the session.
    resume
        Continue the newest session of the device if it is the same comparison.

    Raises
    ------
    SelectionError
        A and B are the same, nothing can run on both sides, more than one device is selected, or a setting does not
        fit the device or the other selections.
    """
    texts = {name: settings.settings_text(each) for name, each in words.items()}
    if texts["a"] == texts["b"]:
        raise SelectionError(f"A and B are the same ({texts['a']}): choose two different settings.")
    sides, instances = _choose_sides(space, common, words, options, choice)
    matched = settings.pairs(instances, words)
    places, obstacles = settings.runnable_pairs(sides, matched)
    if not places:
        raise SelectionError(f"No instance can run on both sides: {'; '.join(obstacles[:3])}.")
    of_sides = zip(*(matched[place] for place in places), strict=True)
    sides = {
        name: replace(side, request=with_instances(side.request, side_instances, checks_folder))
        for (name, side), side_instances in zip(sides.items(), of_sides, strict=True)
    }
    settings.check_different(sides)
    session = Session.new(common.seed, number_of_blocks, texts)
    newest, differences, measured = _session_to_continue(space, session, sides) if resume else (None, [], [])
    if newest and not differences:
        session = replace(session, id=newest)
    return Plan(session, sides, remaining_blocks(session, measured), obstacles, newest, differences)


def _choose_sides(
    space: Workspace,
    common: RunRequest,
    words: Mapping[str, Mapping[str, str]],
    options: Mapping[str, Sequence[str]],
    choice: Choice,
) -> tuple[dict[str, SettingsSide], dict[str, list[Instance]]]:
    """Return both sides, and the instances that each could run, by the name of the side."""
    everything = common.catalog.everything(common.artifacts.values(), options["models"])
    sides, instances = {}, {}
    for name, each in words.items():
        request = settings.request_of_side(common, each, space.staging / "native")
        side_instances = settings.select_instances(options, each, everything)
        if "model" in each:
            model = Path(each["model"])
            side_instances, files = settings.with_model(side_instances, common.artifacts, model, common.catalog)
            request = replace(request, artifacts=files)
        python = settings.python_of(each, choice.local)
        side_choice = replace(choice, python=str(python), local_python=python) if python else choice
        devices = choose_devices(side_choice, space)
        if len(devices) > 1:
            raise SelectionError(
                f"{len(devices)} devices are selected, but A and B alternate on a single device: select one."
            )
        side = SettingsSide(settings.settings_text(each), devices[0], request, python)
        if request.native:
            request.native.tools_for(devices[0])
        sides[name], instances[name] = settings.with_versions(side, side_instances)
    return sides, instances


def _session_to_continue(
    space: Workspace, session: Session, sides: Mapping[str, SettingsSide]
) -> tuple[str | None, list[str], list[RecordedBlock]]:
    """Return the newest session of the device, in what it differs from `session`, and its blocks if in nothing."""
    slug = sides["a"].device.slug
    newest = newest_session(space.raw, slug)
    if newest is None:
        return None, [], []
    records = {
        name: replace(side.request, ab={"session": session.id}).record(side.device) for name, side in sides.items()
    }
    differences = session_differences(space.raw, slug, newest, session, records)
    return newest, differences, [] if differences else recorded_blocks(space.raw, slug, newest)


def request_of_block(
    request: RunRequest, session: Session, block: Block, side: str, order: Sequence[int]
) -> RunRequest:
    """Return the request of one short run, with the instances at the positions in `order`."""
    instances = [request.instances[position] for position in order]
    return replace(request, instances=instances, seed=session.seed_of(block), ab=session.record(block, side))


def instance_order(instances: Sequence[Instance], seed: int) -> list[int]:
    """Return the order in which both runs of a block take their instances, as positions."""
    positions = {instance: position for position, instance in enumerate(instances)}
    return [positions[instance] for instance in draw_balanced_order(instances, seed)]


def measure_blocks(
    space: Workspace,
    session: Session,
    blocks: Sequence[Block],
    sides: Mapping[str, SettingsSide],
    patience_s: float,
    if_busy: str = "refuse",
) -> Iterator[RecordedBlock]:
    """Measure the blocks one after the other, and yield each when both of its runs are over.

    Raises:
        RunnerError: A run could not be completed, for example because the connection to the device was lost.
        KeyboardInterrupt: The session was interrupted.
    """
    for block in blocks:
        order = instance_order(sides["a"].request.instances, session.seed_of(block))
        folders: dict[str, Path] = {}
        for name in block.sides:
            side = sides[name]
            request = request_of_block(side.request, session, block, name, order)
            with RunProgress([side.device.slug], len(order)) as progress:
                [outcome] = fleet.run_all(space, [side.device], request, False, progress.listeners, patience_s, if_busy)
            if outcome.error:
                raise RunnerError(f"Block {block.number}, {name.upper()}: {outcome.error}")
            if outcome.folder:
                folders[name] = outcome.folder
        yield RecordedBlock(block, folders)


def expected_duration_s(raw: Path, side: SettingsSide) -> tuple[float, list[str]]:
    """Return the expected duration of a short run of a side in seconds, estimated from earlier runs of the device.

    Also return the instances that no earlier run measured, which are not included in the sum.
    """
    profile, dataset = side.request.profile, side.request.dataset
    queries = max(len(subset(dataset, profile.max_images, 0)) * profile.passes, profile.min_queries)
    seconds, unknown = 0.0, []
    folders = [folder for folder in reversed(rawlog.run_folders(raw)) if folder.parent.name == side.device.slug]
    for instance in side.request.instances:
        for folder in folders:
            if speed := _speed(folder, instance.id):
                per_query, overhead = speed
                seconds += max(queries * per_query, profile.min_duration_s) + overhead
                break
        else:
            unknown.append(instance.id)
    return seconds, unknown


def _speed(folder: Path, instance_id: str) -> tuple[float, float] | None:
    """Return the seconds per image of an instance in a run, and the mean seconds per instance outside of images."""
    try:
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        if instance_id not in record["suite"] or not record["ended"]:
            return None
        entries = [entry for entry in ledger.read(folder) if entry.status in ledger.DONE]
    except (rawlog.RawLogError, RunnerError):
        return None
    loops = {entry.instance_id: entry.last["loop_ns"] / 1e9 for entry in entries if entry.last.get("images")}
    if instance_id not in loops:
        return None
    images = next(entry.last["images"] for entry in entries if entry.instance_id == instance_id)
    started, ended = (datetime.fromisoformat(record[name]) for name in ("started", "ended"))
    overhead = max((ended - started).total_seconds() - sum(loops.values()), 0.0) / len(entries)
    return loops[instance_id] / images, overhead
