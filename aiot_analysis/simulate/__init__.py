"""The simulated fleet: raw logs of the paper's 51 phones, drawn from fleet.toml. See docs/simulation.md.

from aiot_analysis import simulate
simulate.simulate(simulate.Options(devices=10, images=100), Path("data/raw"))
"""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import SimulationError
from aiot_analysis.simulate import assumptions, draw, write
from aiot_analysis.tables import names, paper
from aiot_analysis.words import plural
from runner import rawlog
from runner.rawlog.worker_pools import WorkerDiedError, worker_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

PART = ".part-"  # prefix of folders that are being written or removed; readers ignore them


@dataclass(frozen=True)
class Options:
    """Size and seed of a simulated fleet."""

    seed: int = 0
    devices: int = 51
    images: int = 500
    quantized_on: int | None = 25  # number of phones that also run the 36 quantized instances; None for all


@dataclass(frozen=True)
class SimulatedRun:
    """The run of one phone in a simulated fleet."""

    phone: assumptions.Phone
    seed: int
    images: int
    quantized: bool

    @property
    def instances(self) -> list[str]:
        """Return the ids of the run's instances."""
        return [*names.PAPER_FLOAT32, *(names.PAPER_QUANTIZED if self.quantized else [])]

    @property
    def facts(self) -> dict[str, Any]:
        """Return everything, besides the phone, that determines the bytes of the logs."""
        return {"seed": self.seed, "images": self.images, "quantized": self.quantized, "version": version()}

    @property
    def id(self) -> str:
        """Return the run id, like 20210101T000000Z-3f9a1c: the date in fleet.toml and a hash of the run's facts."""
        started = assumptions.file()["time"]["started"].replace("-", "").replace(":", "")
        text = json.dumps([self.phone.slug, self.facts], sort_keys=True)
        return f"{started}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"

    @property
    def path(self) -> Path:
        """Return the path within the folder of raw logs."""
        return Path(self.phone.slug) / self.id


@dataclass(frozen=True)
class SimulationResult:
    """The fleet that exists after a call of `simulate`; `kept` is the number of devices that existed before."""

    devices: int
    instances: int
    images: int
    kept: int

    def summary(self) -> str:
        """Return text like "51 devices, 2124 instances, 1062000 images"."""
        counts = [(self.devices, "device"), (self.instances, "instance"), (self.images, "image")]
        return ", ".join(plural(*count) for count in counts)


@cache
def version() -> str:
    """Return a hash of the code and data that a fleet is drawn from; another version draws another fleet."""
    folders = [Path(__file__).parent, Path(paper.__file__).parent]
    files = [path for folder in folders for path in folder.iterdir() if path.suffix in {".py", ".toml", ".csv"}]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def runs(options: Options) -> list[SimulatedRun]:
    """Return the runs for the options, one per phone."""
    phones = assumptions.phones(options.devices, options.seed)
    quantized = assumptions.quantized(phones, options.quantized_on)
    return [SimulatedRun(phone, options.seed, options.images, phone.number in quantized) for phone in phones]


def simulate(
    options: Options,
    raw: Path,
    jobs: int = 2,
    replace: bool = False,
    progress: Callable[[SimulatedRun], None] = lambda run: None,
) -> SimulationResult:
    """Write the raw logs of a fleet into the folder `raw`, `jobs` phones at a time.

    The same options give the same bytes, regardless of `jobs`. Existing runs are kept. Simulated runs that these
    options do not make raise SimulationError, or are deleted with `replace`. Each run is written whole or not at all,
    and an interrupted call can be repeated. `progress` is called with each run that exists. Also raises SimulationError
    if files cannot be written.
    """
    wanted = runs(options)
    with _sentences(raw), _locked(raw):
        for leftover in raw.glob(f"{PART}*"):
            shutil.rmtree(leftover)
        others = _others(raw, {run.path for run in wanted})
        if others and not replace:
            raise SimulationError(_refusal(raw, others))
        for path in others:
            _remove(raw, path)
        missing: list[SimulatedRun] = []
        for run in wanted:
            if (raw / run.path).is_dir():
                progress(run)
            else:
                missing.append(run)
        _write_all(raw, missing, jobs, progress)
    instances = sum(len(run.instances) for run in wanted)
    return SimulationResult(len(wanted), instances, instances * options.images, len(wanted) - len(missing))


def _write_all(raw: Path, missing: list[SimulatedRun], jobs: int, progress: Callable[[SimulatedRun], None]) -> None:
    """Write runs, in this process or in several others."""
    if jobs == 1 or len(missing) < 2:
        for run in missing:
            _write(raw, run)
            progress(run)
        return
    with worker_pool(min(jobs, len(missing))) as pool:
        futures = {pool.submit(_write, raw, run): run for run in missing}
        for future in as_completed(futures):
            future.result()
            progress(futures[future])


def _write(raw: Path, run: SimulatedRun) -> None:
    """Write a run to a temporary folder and move it into place when it is complete."""
    with rawlog.replacing(raw / run.path, raw / f"{PART}{run.phone.slug}") as part:
        part.mkdir()
        drawn, scale = draw.phone(run.phone, run.instances, run.seed, run.images)
        write.write_run(part, run.id, run.phone, drawn, scale, draw.draw(run.seed, run.images), run.facts)


def _others(raw: Path, wanted: set[Path]) -> dict[Path, dict[str, Any]]:
    """Return the simulated runs in `raw` that are not wanted: their run.json by the path within `raw`."""
    unwanted = {}
    for folder in rawlog.run_folders(raw):
        path = folder.relative_to(raw)
        if path.parts[0].startswith("sim-") and path not in wanted:
            with suppress(rawlog.RawLogError):  # damaged runs are reported by `aiot process`
                record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
                if record["origin"] == write.ORIGIN and isinstance(record.get("simulation"), dict):
                    unwanted[path] = record
    return unwanted


def _refusal(raw: Path, others: dict[Path, dict[str, Any]]) -> str:
    """Return the message about simulated runs that would be mixed with those to be written."""
    path, record = next(iter(others.items()))
    options = record["simulation"]
    description = f"seed {options.get('seed')}, {options.get('images')} images"
    description += "" if options.get("version") == version() else ", by another version"
    return (
        f"{raw} holds {plural(len(others), 'simulated run')} that these options do not produce, "
        f"like {path} ({description}): give the same options as before, choose another folder with --raw, "
        "or --replace to delete them."
    )


def _remove(raw: Path, path: Path) -> None:
    """Delete a run; it is moved away first, so that a partly deleted one is never taken for a run."""
    trash = raw / f"{PART}{path.parts[0]}-old"
    (raw / path).rename(trash)
    shutil.rmtree(trash)
    with suppress(OSError):  # remove the device folder if this was its only run
        (raw / path).parent.rmdir()


def _locked(raw: Path) -> AbstractContextManager[None]:
    """Create the folder if necessary, and lock it against other simulations."""
    raw.mkdir(parents=True, exist_ok=True)
    busy = SimulationError(f"Another `aiot simulate` is writing to {raw}: wait for it to finish, or stop it.")
    return rawlog.locked(raw, busy)


@contextmanager
def _sentences(raw: Path) -> Iterator[None]:
    """Turn errors with files and processes into a SimulationError of one sentence."""
    try:
        yield
    except WorkerDiedError as error:
        raise SimulationError(str(error)) from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise SimulationError(
            f"Raw logs cannot be written to {raw}: {error.strerror or error}{where}: "
            "free some space, or name another folder with --raw."
        ) from None
