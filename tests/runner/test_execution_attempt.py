import json
import threading
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner import rawlog
from runner.devices import GONE, DeviceTask
from runner.errors import DeviceError, DeviceLostError
from runner.execution import carry_out, carry_out_by_tools, has_ended, last_value
from runner.tools.programs import Repeats, ToolOptions
from runner.tools.tool_attempt import Program, ToolJob


def test_the_newest_number_in_a_log_that_is_being_written():
    assert last_value(b"", "query") is None
    lines = [json.dumps({"repetition": n, "event": "pass"}) for n in range(900)]
    begun = "\n".join(lines[:2]) + "\n" + '{"event":"operator","rep'
    assert last_value(begun.encode(), "repetition", "pass") == 1
    log = "\n".join(lines) + "\n" + '{"event":"operator","repetition":7}\n'
    assert last_value(log.encode()[-500:], "repetition", "pass") == 899
    assert last_value(log.encode()[-500:], "repetition") == 7
    assert last_value(b'{"query":null}\n{"query":3}\n[]\n', "query") == 3


@given(st.lists(st.integers(0, 2**40), max_size=20), st.binary(max_size=40).filter(lambda data: b"\n" not in data))
def test_a_half_written_line_never_counts(queries, begun):
    log = "".join(json.dumps({"event": "image", "query": query}) + "\n" for query in queries).encode()
    assert last_value(log + begun, "query", "image") == (queries[-1] if queries else None)
    assert last_value(log + b'{"query": 7}', "query", "image") == (queries[-1] if queries else None)


@given(st.binary())
@example(b"[" * 4000 + b"\n")
@example(b'{"query": 1e999}\n')
@example(b'{"query": ' + b"9" * 5000 + b"}\n")
@example(b'{"query": ' + b"9" * 400 + b"}\n")
@example(b'{"query": true}\n{"query": "7"}\n')
@example(b'{"query": [{}]}\n')
def test_whatever_a_device_writes_is_a_number_or_nothing(tail):
    value = last_value(tail, "query")
    assert value is None or -(2**63) < value < 2**63


class Work:
    """A stand-in for a process: `poll` returns exit codes one after the other, and `collect` calls a function."""

    def __init__(self, task, codes, collect=lambda log: None):
        self._task, self._codes, self._collect = task, iter(codes), collect
        self.killed = False

    def poll(self):
        code = next(self._codes)
        if isinstance(code, Exception):
            raise code
        return code

    def tail(self):
        return b""

    def kill(self):
        self.killed = True

    def collect(self):
        self._collect(self._task.log)


class Device:
    poll_interval_s = 0.001

    def __init__(self, work, running=False):
        self.work, self.running, self.starts = work, running, 0

    def started(self, task):
        return self.work if self.running else None

    def start(self, task):
        self.starts += 1
        return self.work


@pytest.fixture
def task(tmp_path):
    (tmp_path / "native").mkdir()
    return DeviceTask("tflite_cpu_int8_mnasnet.1", tmp_path, "agent", "runner.agent", "main", {})


END = json.dumps({"event": "end", "images": 1, "failed_images": 0, "correct": 1, "loop_ns": 1, "peak_rss_kb": None})


def measured(log):
    log.write_text(END + "\n")


def refuse(log):
    raise DeviceError("It has a line over the limit.")


def reasons(task):
    return [event["reason"] for event in rawlog.read_attempt(task.log).of("failed")]


def test_running_work_is_waited_for_and_not_started_again(task):
    device = Device(Work(task, [None, None, 0], measured), running=True)
    ticks = []
    assert not carry_out(device, task, 10, ticks.append)
    assert device.starts == 0 and len(ticks) == 2
    assert task.log.read_text() == END + "\n", "a log with its ending is left as it is"


def test_a_log_that_is_refused_closes_the_attempt_with_the_reason(task):
    assert not carry_out(Device(Work(task, [0], refuse)), task, 10, lambda tail: None)
    assert reasons(task) == ["It has a line over the limit."]


def test_a_device_that_goes_away_leaves_the_attempt_open(task):
    lost = DeviceLostError("It does not answer.")
    for codes, collect in (([None, lost], measured), ([0], lambda log: (_ for _ in ()).throw(lost))):
        with pytest.raises(DeviceLostError):
            carry_out(Device(Work(task, codes, collect)), task, 10, lambda tail: None)
        assert not task.log.exists()


def test_an_attempt_that_ended_with_its_connection_is_retried_unless_it_was_complete(task):
    assert carry_out(Device(Work(task, [GONE])), task, 10, lambda tail: None)
    assert reasons(task) == [
        "the process ended without an exit code, perhaps because the connection to the device was lost"
    ]
    task.log.unlink()
    assert not carry_out(Device(Work(task, [GONE], measured)), task, 10, lambda tail: None)
    assert reasons(task) == []


def test_an_attempt_that_takes_too_long_is_ended(task):
    work = Work(task, [None] * 1000)
    carry_out(Device(work), task, 0.01, lambda tail: None)
    assert work.killed and reasons(task) == ["it took longer than 0.01 s"]


@pytest.mark.parametrize("collect", [lambda log: None, refuse])
def test_ctrl_c_ends_the_process_and_closes_the_attempt_whatever_is_in_it(task, collect):
    def interrupt(tail):
        raise KeyboardInterrupt

    work = Work(task, [None], collect)
    with pytest.raises(KeyboardInterrupt):
        carry_out(Device(work), task, 10, interrupt)
    assert work.killed and len(reasons(task)) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\n\xfe\n", b"[]\n{}\n", b"[" * 5000 + b"\nx\n"])
def test_a_log_with_nothing_of_the_format_has_no_ending(tmp_path, content):
    log = tmp_path / "tflite_cpu_int8_mnasnet.1.jsonl"
    assert not has_ended(log)
    log.write_bytes(content)
    assert not has_ended(log)


class Tool:
    """A stand-in for a program of TFLite, whose `poll` returns exit codes one after the other."""

    def __init__(self, codes):
        self.codes, self.killed = iter(codes), False

    def poll(self):
        code = next(self.codes)
        if isinstance(code, Exception):
            raise code
        return code

    def kill(self):
        self.killed = True

    def output(self):
        return "INFO: nothing of use", ""


class ToolDevice:
    poll_interval_s = 0.001

    def __init__(self, codes):
        self.tool, self.words, self.runs = Tool(codes), [], []

    def start_tool(self, run, words, core_mask=None):
        self.runs.append((run, core_mask))
        self.words += words
        return self.tool


@pytest.fixture
def job(tmp_path):
    (tmp_path / "native").mkdir()
    program = Program("/there/benchmark_model", "benchmark_model abc", "/there/m.tflite", "f" * 64)
    return ToolJob(
        "tflite_nnapi_int8_mnasnet", 2, ToolOptions("nnapi", 1), Repeats(0, 5, 0.0, 60.0), program, None, timeout_s=0.05
    )


def reason(tmp_path, job):
    attempt = rawlog.read_attempt(rawlog.attempt_path(tmp_path, job.instance, job.attempt))
    assert attempt.status == "failed"
    return attempt.last["reason"]


def test_a_tool_is_run_for_the_run_on_its_cores_and_what_it_said_is_kept(tmp_path, job):
    device = ToolDevice([None, 0])
    assert not carry_out_by_tools(device, job, tmp_path, "f0")
    assert device.runs == [(tmp_path.name, "f0")]
    assert device.words[:2] == ["/there/benchmark_model", "--graph=/there/m.tflite"]
    assert "nothing of use" in reason(tmp_path, job)
    output_file = tmp_path / "native" / f"{job.instance}.2.benchmark_model.stdout.txt"
    assert output_file.read_text() == "INFO: nothing of use"


def test_a_tool_that_takes_too_long_is_ended(tmp_path, job):
    device = ToolDevice([None] * 1000)
    assert not carry_out_by_tools(device, job, tmp_path)
    assert device.tool.killed and reason(tmp_path, job) == "benchmark_model took longer than 0.05 s"


def test_a_tool_that_ended_with_its_connection_is_to_be_run_again(tmp_path, job):
    assert carry_out_by_tools(ToolDevice([None, GONE]), job, tmp_path)
    assert reason(tmp_path, job).startswith("the process ended without an exit code, perhaps because")


def test_a_device_that_goes_away_under_a_tool_fails_the_attempt(tmp_path, job):
    for number, (error, sentence) in enumerate(
        [(DeviceLostError, "the device stopped answering"), (DeviceError, "could not run it")], start=1
    ):
        attempt = replace(job, attempt=number)
        with pytest.raises(error, match="SERIAL"):
            carry_out_by_tools(ToolDevice([None, error("SERIAL does not answer.")]), attempt, tmp_path)
        assert sentence in reason(tmp_path, attempt) and "SERIAL" not in reason(tmp_path, attempt)


def test_a_stop_ends_a_tool(tmp_path, job):
    device, stop = ToolDevice([None] * 10), threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        carry_out_by_tools(device, job, tmp_path, stop=stop)
    assert device.tool.killed and "interrupted" in reason(tmp_path, job)
