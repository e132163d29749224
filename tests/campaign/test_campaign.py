"""A small campaign with real adbd devices, and faults made by a test, which must be counted."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import psutil
import pytest
from adbutils import AdbClient

from tests.campaign import tries
from tests.campaign.__main__ import ROOT
from tests.campaign.kinds import KINDS, SSH_KINDS, Kind
from tests.e2e.conftest import UNCLOSED_SOCKETS, parts  # noqa: F401
from tests.e2e.runs import wait_until
from tests.leftovers import MARK
from tests.unpacked import NotHere

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("parts"), pytest.mark.filterwarnings(UNCLOSED_SOCKETS)]


def test_nothing_counts_if_nothing_happens_or_the_run_is_killed(tmp_path):
    kinds = [KINDS["none"], KINDS["killed"]]
    done = list(tries.all_tries(kinds, 1, 1, 2, tmp_path / "log"))
    assert sorted(attempt.kind for attempt in done) == ["killed", "none"]
    assert [attempt.findings for attempt in done] == [(), ()]
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == 2


def test_what_is_done_to_a_run_is_counted():
    """A changed attempt, processes left behind on both sides, a traceback and a false message are all counted."""
    started = []

    def sabotage(stage, draw):
        stage.run_to_moment()
        done = stage.finish()
        log = next(stage.space.raw.glob("*/*/paced*.jsonl"))
        content = log.read_bytes()
        log.write_bytes(content.replace(b'"load_ns":', b'"load_ns":1', 1))
        assert log.read_bytes() != content
        started.append(subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: stage.mark}))
        adb = AdbClient(port=int(stage.link.environment()["ANDROID_ADB_SERVER_PORT"]))
        adb.device(stage.device.serial).shell("setsid nohup sleep 60 </dev/null >/dev/null 2>&1 & sleep 1")
        printed = "Traceback (most recent call last):\naiot: The device does not answer.\n"
        stage.commands.append(replace(done, code=1, output=printed, complete=False))

    done = tries.carry_out(Kind("sabotage", "a test", sabotage), 0, 1)
    assert started[0].wait(10) == -signal.SIGKILL, "the stage ends what is left behind"
    counts = {column: number for column, number in done.counts.items() if number}
    assert counts == {"changed": 1, "left behind": 2, "tracebacks": 1, "wrong": 1}, done.findings


def test_ctrl_c_ends_a_campaign_at_once_with_all_that_it_has_started(tmp_path):
    words = [sys.executable, "-m", "tests.campaign", "--only", "none", "--moments", "1", "--log", str(tmp_path / "log")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    campaign = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    process = psutil.Process(campaign.pid)
    try:
        wait_until(
            lambda: [child for child in process.children() if "aiot" in child.cmdline()], "a run", process=campaign
        )
        children = process.children(recursive=True)
        campaign.send_signal(signal.SIGINT)
        assert campaign.wait(10) == 130
        psutil.wait_procs(children, timeout=5)
        assert [child for child in children if child.is_running()] == []
        assert [path.name for path in tmp_path.iterdir()] == ["log"]
    finally:
        campaign.kill()
        campaign.communicate()


def test_no_thread_of_a_try_writes_files_or_starts_commands_after_ctrl_c(tmp_path):
    folder = tmp_path / "campaign"
    writing = f"""
        import subprocess, threading, time
        from pathlib import Path
        from tests.campaign.__main__ import _end_at_once

        def write(name):
            number = 0
            while True:
                number += 1
                (Path({str(folder)!r}) / f"{{name}}-{{number}}").mkdir(parents=True, exist_ok=True)

        def start():
            while True:
                subprocess.run(["sleep", "60"])

        for name in "abc":
            threading.Thread(target=write, args=(name,), daemon=True).start()
        threading.Thread(target=start, daemon=True).start()
        time.sleep(0.3)
        _end_at_once({str(folder)!r})
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(writing)], cwd=ROOT)
    wait_until(lambda: psutil.Process(process.pid).children(), "a command", process=process)
    assert process.wait(20) == 130
    assert not folder.exists()


def test_nothing_counts_if_a_connection_over_ssh_is_cut_and_the_run_is_killed(tmp_path):
    kinds = [SSH_KINDS["ssh-cut"], SSH_KINDS["ssh-killed"]]
    try:
        done = list(tries.all_tries(kinds, 1, 1, 2, tmp_path / "log"))
    except NotHere as reason:
        pytest.skip(str(reason))
    assert sorted(attempt.kind for attempt in done) == ["ssh-cut", "ssh-killed"]
    assert [attempt.findings for attempt in done] == [(), ()]
