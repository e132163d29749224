"""The table in docs/devices.md has a row for each kind, and findings let `make campaign` fail."""

import os
import random
import shutil
import subprocess

import pytest

from tests.campaign import __main__, table, tries
from tests.campaign.counting import COLUMNS, Finding
from tests.campaign.kinds import KINDS
from tests.campaign.stage import FOLDER_MADE, MODELS, PICTURES, SHORT, START, STORED, Moment
from tests.campaign.tries import Try
from tests.unpacked import NotHere


def rows():
    """Return the cells of each row of the table in the document, except the row of sums."""
    content = __main__.DOCUMENT.read_text(encoding="utf-8").split(table.BEGIN)[1].split(table.END)[0]
    return [line.strip("| ").split(" | ") for line in content.splitlines() if line.endswith("` |")]


def a_try(kind, *findings):
    return Try(kind, 0, "3 images", "image 3", 1.0, findings, ())


def test_there_are_twenty_kinds_or_more():
    assert len(KINDS) >= 20


def test_the_document_has_a_row_for_each_kind_with_ten_tries_or_more():
    assert [(cells[0], cells[-1].strip("`")) for cells in rows()] == [
        (kind.words, kind.name) for kind in KINDS.values()
    ]
    assert min(int(cells[1]) for cells in rows()) >= __main__.MOMENTS


def test_a_row_has_the_sums_of_its_tries():
    drop, reboot = KINDS["drop"], KINDS["reboot"]
    findings = [Finding("lost", 3, "a"), Finding("lost", 4, "b"), Finding("tracebacks", 1, "c")]
    done = [a_try("drop", findings[0]), a_try("reboot"), a_try("drop", *findings[1:])]
    summary, _, *lines = table.markdown([drop, reboot], done, 5).splitlines()
    assert summary == "3 tries of 2 kinds with seed 5: nothing went wrong in 1 of them."
    assert lines[2:] == [
        f"| {drop.words} | 2 | **7** | 0 | 0 | 0 | **1** | 0 | `drop` |",
        f"| {reboot.words} | 1 | 0 | 0 | 0 | 0 | 0 | 0 | `reboot` |",
        "| **all** | 3 | **7** | 0 | 0 | 0 | **1** | 0 |  |",
    ]
    assert lines[0].count("|") == lines[1].count("|") == len(COLUMNS) + 4


def test_only_what_is_between_the_markers_is_replaced():
    document = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.written(document, "new") == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    for damaged in ("", document + table.BEGIN, f"{table.END}{table.BEGIN}"):
        with pytest.raises(ValueError, match="must have one line"):
            table.written(damaged, "new")


def test_moments_follow_from_the_seed_and_are_spread_over_the_run():
    moments = [Moment.drawn(random.Random(f"{seed}")) for seed in range(500)]
    assert moments == [Moment.drawn(random.Random(f"{seed}")) for seed in range(500)]
    shares = {event: sum(moment.after == event for moment in moments) / 500 for event in (START, FOLDER_MADE, STORED)}
    assert shares == pytest.approx({START: 0.1, FOLDER_MADE: 0.1, STORED: 0.8}, abs=0.05)
    images = [moment.number for moment in moments if moment.after == STORED]
    total = len(MODELS) * PICTURES * SHORT
    assert 1 <= min(images) < total / 20 and total * 19 / 20 < max(images) < total
    assert {Moment.drawn(random.Random(seed), while_measuring=True).after for seed in range(50)} == {STORED}


@pytest.mark.parametrize(
    ("options", "is_written"), [([], True), (["--moments", "9"], False), (["--only", "drop"], False)], ids=str
)
@pytest.mark.parametrize(("findings", "code"), [((), 0), ((Finding("lost", 1, "an image"),), 1)], ids=["good", "bad"])
def test_only_a_whole_campaign_is_written_and_anything_that_counts_fails_it(
    tmp_path, monkeypatch, capsys, options, is_written, findings, code
):
    document = tmp_path / "devices.md"
    document.write_text(f"{table.BEGIN}\n{table.END}\n", encoding="utf-8")
    monkeypatch.setattr(tries, "all_tries", lambda kinds, *_: [a_try(kind.name, *findings) for kind in kinds])
    assert __main__.main([*options, "--document", str(document), "--log", str(tmp_path / "log")]) == code
    assert ("`drop`" in document.read_text(encoding="utf-8")) == is_written
    printed = capsys.readouterr()
    assert "`drop`" in printed.out
    assert ("lost: an image" in printed.err) == bool(code)


def test_a_machine_without_adbd_is_told_so(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise NotHere("there is no unshare")

    monkeypatch.setattr(tries, "all_tries", refuse)
    assert __main__.main(["--log", str(tmp_path / "log")]) == 2
    assert capsys.readouterr().err == "campaign: there is no unshare.\n"


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("code", [0, 1])
def test_make_campaign_fails_where_the_module_does(tmp_path, code):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "ran $@"\nexit {code}\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "installed").touch()
    command = ["make", "campaign", f"VENV={tmp_path}", f"BIN={python.parent}", "CAMPAIGN=--seed 7"]
    done = subprocess.run(command, cwd=__main__.ROOT, capture_output=True, text=True, check=False, env={**os.environ})
    assert "ran -m tests.campaign --seed 7\n" in done.stdout
    assert (done.returncode == 0) == (code == 0)
