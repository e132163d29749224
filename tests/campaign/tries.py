"""Single tries, from the start of a run to the findings, and all tries of a campaign."""

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
"""Maximum number of times that an incomplete run is continued."""


@dataclass(frozen=True)
class Try:
    """A try and its findings."""

    kind: str
    number: int
    moment: str
    phase: str  # of the devices at that moment
    seconds: float
    findings: tuple[Finding, ...]
    commands: tuple[tuple[str, int, str], ...]  # words, exit code and output of each command

    @property
    def counts(self) -> Counter[str]:
        return counting.total(self.findings)


def carry_out(kind: Kind, number: int, seed: int) -> Try:
    """Run the suite with a fault at a random moment, and count what goes wrong."""
    draw = random.Random(f"{seed} {kind.name} {number}")
    moment = Moment.drawn(draw, kind.while_measuring)
    started = time.monotonic()
    with stage.opened(kind.setting, moment) as scene:
        kind.provoke(scene, draw)
        settle(scene)
        findings = judge(kind, scene)
        commands = tuple((" ".join(command.words), command.code, command.output) for command in scene.commands)
    return Try(kind.name, number, str(moment), scene.phase, time.monotonic() - started, tuple(findings), commands)


def settle(scene: Stage) -> None:
    """Continue incomplete runs and clean the devices, as the documentation tells users to."""
    for space in (scene.space, *scene.spaces):
        for _ in range(RESUMES):
            if scene.complete(space):
                break
            scene.resume(space=space)
    scene.left_behind("at the end")
    words = ("clean", *scene.chosen(), "--workspace", str(scene.space.root))
    ended = scene.aiot(*words, expected=EITHER)
    if ended.code and "--force" in ended.output:  # for example, because of the logs of a run that was given up
        scene.aiot(*words, "--force", expected=EITHER)
    for device in scene.devices:
        if device.folder.exists():
            scene.note("left behind", f"{device.folder.name} is still on the device after `aiot clean`")


def judge(kind: Kind, scene: Stage) -> list[Finding]:
    """Return all findings of a try that is over."""
    raws = [space.raw for space in (scene.space, *scene.spaces)]
    findings = list(scene.findings)
    for raw in raws:
        folders = counting.newest_runs(raw) if kind.only_newest else counting.runs(raw)
        findings += counting.lost_images(folders, kind.setting.asked, len(scene.devices))
        findings += counting.renamed_devices(raw, len(scene.devices))
        findings += counting.doubled_images(raw)
        findings += counting.wrong_endings(raw)
        findings += counting.wrong_records(raw)
        findings += counting.false_claims(counting.reasons(raw), kind.true, "a log")
    if kind.keeps:
        findings += counting.lost_records(scene.watch.stored(), raws)
    findings += counting.changed_attempts(scene.finished, scene.space.raw)
    if scene.watch.overlap:
        findings += counting.unmarked_overlap(raws)
    for ended in scene.commands:
        findings += counting.tracebacks(ended)
        findings += counting.silent_endings(ended)
        findings += counting.wrong_exits(ended)
        findings += counting.wrong_summaries(ended)
        source = f"`aiot {ended.words[0]}`"
        findings += counting.false_claims(counting.split_sentences(ended.output), kind.true, source)
    return findings


def all_tries(kinds: Sequence[Kind], moments: int, seed: int, jobs: int, log: Path) -> Iterator[Try]:
    """Carry out all tries, `jobs` at a time, and yield each when it is over. `log` gets a line for each.

    Raises any error of a try after the running tries have ended, and KeyboardInterrupt at once.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="try")
    futures = [pool.submit(carry_out, kind, number, seed) for number in range(moments) for kind in kinds]
    try:
        with log.open("w", encoding="utf-8") as stream:
            for future in as_completed(futures):
                attempt = future.result()
                stream.write(json.dumps(asdict(attempt), ensure_ascii=False) + "\n")
                stream.flush()
                yield attempt
    except BaseException as error:
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()
