"""Unpack bundles as on a device, and run the agent with their Python and with that of this machine."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from aiot_suite import catalog
from aiot_suite.environments import clean_environment
from runner import rawlog
from runner.bundle.build import Bundle
from runner.bundle.layout import JOIN, LOADER, first_start_command, python_command, read_first_start
from runner.run_request import agent_files

ROOT = Path(__file__).parents[3]
HOSTILE = {
    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    "PYTHONSTARTUP": "/nowhere.py",
    "LD_LIBRARY_PATH": "/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu",
    "VIRTUAL_ENV": sys.prefix,
}
"""Environment variables that would make Python read files outside of the bundle."""


@dataclass(frozen=True)
class Unpacked:
    """An unpacked bundle; `emulator` is the command that runs its programs if the processor cannot."""

    root: Path
    bundle: Bundle
    emulator: tuple = ()

    @classmethod
    def of(cls, bundle: Bundle, root: Path, emulator=()) -> "Unpacked":
        with tarfile.open(bundle.path) as tar:
            tar.extractall(root, filter="data")
        subprocess.run(["sh", "-c", JOIN], cwd=root, check=True)
        return cls(root, bundle, tuple(emulator))

    def words(self, *arguments: str) -> list:
        return self._emulated(python_command(str(self.root), arguments))

    def first(self) -> dict:
        """Start Python as for the first time on a device, and return what it reports about itself."""
        done = run(self._emulated(first_start_command(str(self.root), self.bundle.imports)), self.root)
        return read_first_start(done)

    def _emulated(self, words: list) -> list:
        at = words.index(f"{self.root}/{LOADER}")
        return [*words[:at], *self.emulator, *words[at:]]


def run(words, cwd, environment=HOSTILE, timeout_s=900) -> str:
    done = subprocess.run(
        list(map(str, words)),
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:], done.stdout[-500:])
    return done.stdout


def push_agent(folder: Path) -> Path:
    """Copy the package of the agent to a folder, as a run does, and return the folder."""
    for name, file in agent_files(catalog.load(folder)).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return folder


def answers(words, agent: Path, log: Path, artifact, framework: str, dataset, environment=HOSTILE) -> dict:
    """Start the agent with these words, and return the top 5 of each image."""
    job = {
        "instance": f"{framework}_cpu_float32_squeezenet",
        "attempt": 1,
        "framework": framework,
        "delegate": "cpu",
        "threads": 1,
        "model": str(artifact.path),
        "settings": artifact.settings.record(),
        "images": dataset.images,
        "image_folder": str(dataset.path(dataset.images[0][0]).parent),
        "warmups": 0,
        "passes": 1,
        "min_queries": 0,
        "min_duration_s": 0,
        "parent": None,
        "log": str(log),
    }
    job_file = log.with_suffix(".job.json")
    job_file.write_text(json.dumps(job), encoding="utf-8")
    run([*words, "-m", "runner.agent", job_file], agent, environment)
    attempt = rawlog.read_attempt(log)
    assert attempt.status == "end", attempt.last
    return {event["image"]: event["top5"] for event in attempt.of("image")}


def host_answers(python: Path, agent: Path, *more) -> dict:
    """Return the top 5 of each image from the agent in this machine's own Python."""
    return answers([python], agent, *more, environment=clean_environment() | {"PYTHONPATH": ""})
