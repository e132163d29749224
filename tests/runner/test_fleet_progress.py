"""Tests that the progress of a run is shown safely, whatever devices write to their logs."""

import io

import pytest
from rich import console

from aiot_suite.suite import Instance
from runner.fleet import RunProgress

INSTANCE = Instance("tflite", "cpu", "int8", "mnasnet")
HOSTILE = "[/red] [bold]\33[31m\u202eevil :smile:\nnext line [link=x]"


@pytest.fixture(params=[True, False])
def screen(request, monkeypatch):
    """Return the stream to which the progress is written, as a terminal and as a file."""
    shown = io.StringIO()
    console_class = console.Console

    def to_here(**options):
        return console_class(file=shown, force_terminal=request.param, width=200, color_system=None, **options)

    monkeypatch.setattr(console, "Console", to_here)
    return shown


def test_a_reason_is_shown_as_it_is_and_nothing_of_it_is_a_command(screen):
    with RunProgress(["one", "two"], 3) as shown:
        shown.listeners[1]("failed", INSTANCE, {"reason": HOSTILE})
        shown.listeners[0]("waiting", INSTANCE, {"reasons": ["[/oops]"]})
    [line] = [line for line in screen.getvalue().splitlines() if "failed" in line]
    assert (
        line.rpartition("\33[2K")[2].strip()  # the control characters before it are written by Rich
        == f"two: {INSTANCE.id} failed: [/red] [bold] [31m evil :smile: next line [link=x]"
    )


def test_a_reason_of_any_size_is_a_line_that_can_be_read(screen):
    with RunProgress(["one"], 3) as shown:
        shown.listeners[0]("failed", INSTANCE, {"reason": "x" * 10_240})
    assert 900 < screen.getvalue().count("x") < 1100


@pytest.mark.parametrize("at_ns", [b"0", b"-1", b"1e999", b'"7"', b"9" * 400, b"[" * 3000])
def test_any_tail_of_a_log_can_be_shown(screen, at_ns):
    with RunProgress(["one"], 3) as shown:
        shown.listeners[0]("progress", INSTANCE, {"tail": b'{"query":41}\n{"at_ns":' + at_ns + b"}\n"})


def test_progress_tells_image_rate_and_temperature(monkeypatch, screen):
    with RunProgress(["one"], 3) as shown:
        shown.listeners[0]("telemetry", INSTANCE, {"temperature_c": 41.4})
        shown.listeners[0]("progress", INSTANCE, {"tail": b'{"query":40,"at_ns":2000000000}\n'})
        assert shown._bar.tasks[0].fields["now"] == f"{INSTANCE.id}  image 41, 20.0/s  41 °C"
