"""The short runs of an A/B session, and how long they are expected to take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aiot_suite.datasets.store import subset
from aiot_suite.errors import RunnerError
from aiot_suite.suite import Instance, draw_balanced_order
from aiot_suite.workspace import Workspace
from runner import fleet, ledger, rawlog
from runner.ab.blocks import Block, Recorded, Session
from runner.ab.settings import SettingsSide
from runner.progress import RunProgress
from runner.run_request import RunRequest


def request_of_block(
    request: RunRequest, session: Session, block: Block, side: str, order: Sequence[int]
) -> RunRequest:
    """Return the request of one short run, with the instances at the positions in `order`."""
    instances = [request.instances[position] for position in order]
    return replace(request, instances=instances, seed=session.seed_of(block), ab=session.record(block, side))


def order_of(instances: Sequence[Instance], seed: int) -> list[int]:
    """Return the order in which both runs of a block take their instances, as positions."""
    positions = {instance: position for position, instance in enumerate(instances)}
    return [positions[instance] for instance in draw_balanced_order(instances, seed)]


def measure_blocks(
    space: Workspace, session: Session, blocks: Sequence[Block], sides: Mapping[str, SettingsSide], patience_s: float
) -> Iterator[Recorded]:
    """Measure the blocks one after the other, and yield each when both of its runs are over.

    Raises:
        RunnerError: A run could not be completed, for example because the connection to the device was lost.
        KeyboardInterrupt: The session was interrupted.
    """
    for block in blocks:
        order = order_of(sides["a"].request.instances, session.seed_of(block))
        folders: dict[str, Path] = {}
        for name in block.sides:
            side = sides[name]
            request = request_of_block(side.request, session, block, name, order)
            with RunProgress([side.device.slug], len(order)) as progress:
                [outcome] = fleet.run_all(space, [side.device], request, False, progress.listeners, patience_s)
            if outcome.error:
                raise RunnerError(f"Block {block.number}, {name.upper()}: {outcome.error}")
            if outcome.folder:
                folders[name] = outcome.folder
        yield Recorded(block, folders)


def expected_s(raw: Path, side: SettingsSide) -> tuple[float, list[str]]:
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
