"""A try, from its start to its findings, and all tries of a campaign."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.campaign import counting, stage
from tests.campaign.counting import EITHER, Finding
from tests.campaign.stage import Moment, Stage

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.campaign.kinds import Kind

RESUMES = 2
"""How often a run that is not complete is continued."""


@dataclass(frozen=True)
class Try:
    """A try and what counted in it."""

    kind: str
    number: int
    moment: str
    phase: str  # in which the device was then
    seconds: float
    findings: tuple[Finding, ...]
    said: tuple[tuple[str, int, str], ...]  # of each command: its words, exit code and output

    @property
    def counts(self) -> Counter[str]:
        return counting.total(self.findings)


def carry_out(kind: Kind, number: int, seed: int) -> Try:
    """Provoke a fault once."""
    draw = random.Random(f"{seed} {kind.name} {number}")
    moment = Moment.drawn(draw, kind.while_measuring)
    started = time.monotonic()
    with stage.opened(kind.setting, moment) as scene:
        kind.provoke(scene, draw)
        settle(scene)
        findings = judge(kind, scene)
        said = tuple((" ".join(one.words), one.code, one.output) for one in scene.said)
    return Try(kind.name, number, str(moment), scene.phase, time.monotonic() - started, tuple(findings), said)


def settle(scene: Stage) -> None:
    """Continue what is not complete, and remove what is on the devices, as the documentation says."""
    for space in (scene.space, *scene.spaces):
        for _ in range(RESUMES):
            if scene.complete(space):
                break
            scene.resume(space=space)
    scene.left_behind("at the end")
    scene.aiot("clean", *scene.chosen(), "--workspace", str(scene.space.root), expected=EITHER)
    for device in scene.devices:
        if device.folder.exists():
            scene.note("left behind", f"{device.folder.name} is on the device after `aiot clean`")


def judge(kind: Kind, scene: Stage) -> list[Finding]:
    """Return all that counts in a try that is over."""
    raws = [space.raw for space in (scene.space, *scene.spaces)]
    findings = list(scene.findings)
    for raw in raws:
        folders = counting.newest_runs(raw) if kind.only_newest else counting.runs(raw)
        findings += counting.lost_images(folders, kind.setting.asked, len(scene.devices))
        findings += counting.doubled_images(raw)
        findings += counting.wrong_endings(raw)
        findings += counting.wrong_records(raw)
        findings += counting.false_claims(counting.reasons(raw), kind.true, "a log")
    if kind.keeps:
        findings += counting.lost_records(scene.watch.stored(), raws)
    findings += counting.changed_attempts(scene.ended, scene.space.raw)
    if scene.watch.overlap:
        findings += counting.unmarked_overlap(raws)
    for said in scene.said:
        findings += counting.tracebacks(said)
        findings += counting.silent_endings(said)
        findings += counting.wrong_exits(said)
        findings += counting.wrong_summaries(said)
        source = f"`aiot {said.words[0]}`"
        findings += counting.false_claims(counting.split_sentences(said.output), kind.true, source)
    return findings


def all_tries(kinds: Sequence[Kind], moments: int, seed: int, jobs: int, log: Path) -> Iterator[Try]:
    """Carry out all tries, `jobs` at once, and yield each when it is over. `log` gets a line for each.

    A try that breaks off because of the campaign itself raises its exception, after those at work are over.
    """
    tasks = [(kind, number) for number in range(moments) for kind in kinds]
    log.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs, thread_name_prefix="try") as pool, log.open("w", encoding="utf-8") as stream:
        futures = [pool.submit(carry_out, kind, number, seed) for kind, number in tasks]
        try:
            for future in as_completed(futures):
                done = future.result()
                stream.write(json.dumps(asdict(done), ensure_ascii=False) + "\n")
                stream.flush()
                yield done
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
