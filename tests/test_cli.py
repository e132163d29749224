"""Tests of the command: its exit codes, and what it writes to which stream."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from aiot import EXAMPLES, FIRST_STEPS, SECTIONS, pairs_joined
from runner import rawlog
from tests.command import aiot, command, refused
from tests.rawlogs import LOAD, attempt, begin, end, image

ROOT = Path(__file__).parents[1]
ID = "tflite_cpu_float32_mobilenet_v2"


def test_it_runs_as_a_program():
    """All other tests of verbs run in this process: see tests/command.py."""
    words = [sys.executable, "-m", "aiot", "--help"]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("models", "dataset", "run", "process", "report"):
        assert f" {verb} " in done.stdout


def test_what_a_program_refuses_is_one_sentence_and_exit_code_1(tmp_path):
    words = [sys.executable, "-m", "aiot", "process", "--raw", str(tmp_path)]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert refused(done) == f"aiot: {tmp_path} holds no run that can be read: run `aiot run --local`."


@pytest.fixture
def project(tmp_path):
    """Make a project with a processed run of two images."""
    attempt(begin(tmp_path / "data" / "raw", [ID]), ID, LOAD, image(0), image(1), end())
    return tmp_path


def test_a_folder_of_raw_logs_that_is_missing_is_one_sentence(tmp_path):
    line = refused(aiot("process", "--raw", tmp_path / "nothing", "--processed", tmp_path / "tables"))
    missing = f"There is no folder {tmp_path / 'nothing'}"
    assert line == f"aiot: {missing}: run `aiot run --local`, or name the folder of the raw logs with --raw."
    assert not (tmp_path / "tables").exists()


def test_a_damaged_run_is_one_sentence_that_names_the_file(project):
    record = next((project / "data" / "raw").rglob("run.json"))
    record.write_text("{")
    line = refused(aiot("process", cwd=project))
    assert "run.json cannot be read as JSON" in line


def test_processed_and_excluded_items_are_printed(project):
    (project / "data" / "raw" / "local" / "notes").mkdir()
    done = aiot("process", cwd=project)
    assert done.returncode == 0
    [first], [second] = done.stdout.splitlines(), done.stderr.splitlines()
    assert first == "process   1 run, 1 instance, 2 images, 1 excluded in data/processed"
    assert second.startswith("          excluded data/raw/local/notes: data/raw/local/notes/run.json is missing")


def test_a_command_that_reads_tables_names_their_folder(project):
    attempt(begin(project / "data" / "raw", [ID], device="phone"), ID, LOAD, image(0), image(1), end())
    assert aiot("process", cwd=project).returncode == 0
    tables = project / "data" / "processed"
    notebooks = project / "below" / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks / "01_broken.ipynb").write_text("none")  # so that no notebook is executed
    done = aiot("report", "--notebooks", notebooks, "--out", project / "reports", cwd=notebooks)
    assert done.stderr.splitlines()[0] == f"report    tables in {tables}"
    done = aiot("compare", "local", "phone", cwd=notebooks)
    assert f"tables      {tables}" in done.stdout.splitlines()
    (notebooks / "01_broken.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
    done = aiot("figures", "--notebooks", notebooks, "--out", project / "figures", cwd=notebooks)
    assert done.stderr.splitlines()[0] == f"figures   tables in {tables}"


def report(project, *words):
    return aiot("report", *words, "--notebooks", ROOT / "notebooks", "--out", project / "reports")


def test_an_unknown_report_lists_those_there_are(project):
    line = refused(report(project, "99"))
    assert "There is no notebook '99': choose 01_overview, 02_devices_and_models, 03_accuracy" in line
    assert not (project / "reports").exists()


def test_an_unknown_parameter_lists_those_there_are(project):
    line = refused(report(project, "08", "-p", "colour", "red"))
    assert "Parameter 'colour' is unknown to the chosen notebooks: they have processed: str = 'data/processed'" in line
    assert "resamples: int = 2000 (draws of the bootstrap)" in line


def test_a_parameter_of_the_wrong_type_says_what_it_takes(project):
    line = refused(report(project, "08", "-p", "resamples", "many"))
    assert line == "aiot: Parameter resamples must be a whole number, not 'many': give a value like 2000."


def test_an_unknown_figure_lists_those_there_are(project):
    line = refused(aiot("figures", "fig99", "--notebooks", ROOT / "notebooks", "--out", project / "figures"))
    assert "There is no figure or table 'fig99': choose " in line
    assert "fig5_framework_shares (Fig. 5)" in line
    assert not (project / "figures").exists()


def test_figures_are_listed_without_running_anything(project):
    done = aiot("figures", "--list", "--notebooks", ROOT / "notebooks", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["Fig.", "5", "figure", "fig5_framework_shares", "04_frameworks"] in lines
    assert ["Table", "IV", "table", "table4_vips", "08_vips"] in lines


def test_a_report_without_tables_says_what_to_run(project):
    line = refused(report(project, "01", "-p", "processed", project / "nowhere"))
    assert "run `aiot process`" in line


@pytest.mark.parametrize(
    "words",
    [
        ["dance"],
        ["process", "--row", "x"],
        ["report", "--jobs", "0"],
        ["report", "--jobs", "two"],
        ["report", "-pcolour"],
        ["report", "-p"],
        ["figures", "-pcolour"],
        ["figures", "--jobs", "0"],
    ],
)
def test_wrong_usage_exits_with_2(words, tmp_path):
    done = aiot(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Usage:" in done.stderr


def verbs(group=None, words=()):
    """Yield the words and the command of every visible verb."""
    for name, verb in (group or command()).commands.items():
        if hasattr(verb, "commands"):
            yield from verbs(verb, (*words, name))
        elif not verb.hidden:
            yield (*words, name), verb


def shown(verb):
    """Return the help record, the value and the text, of each visible long option of a verb."""
    context = verb.make_context("aiot", [], resilient_parsing=True)
    records = [(parameter, parameter.get_help_record(context)) for parameter in verb.params]
    return {
        name: (record[0].rpartition("--")[2].partition(" ")[2], record[1])
        for parameter, record in records
        if record
        for name in parameter.opts
        if name.startswith("--")
    }


def test_the_version_is_that_of_the_package():
    done = aiot("--version")
    assert (done.returncode, done.stderr) == (0, "")
    text = (ROOT / "pyproject.toml").read_text()
    assert done.stdout == f"aiot {tomllib.loads(text)['project']['version']}\n"


def test_every_verb_is_under_a_heading_of_the_help_and_described_in_whole_sentences():
    groups = command().commands
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(
        name for name, verb in groups.items() if not verb.hidden
    )
    lines = aiot("--help", COLUMNS="80").stdout.splitlines()
    assert [line for line in lines if line in ("Measure:", "Analyse:", "Share:", "Maintain:", "Commands:")] == [
        "Measure:",
        "Analyse:",
        "Share:",
        "Maintain:",
    ]
    assert lines.index("Measure:") < lines.index("Analyse:") < lines.index("Maintain:")
    for words in ([], *([name] for name, verb in groups.items() if hasattr(verb, "commands"))):
        for columns in ("40", "80"):
            assert "..." not in aiot(*words, "--help", COLUMNS=columns).stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_help_text_is_no_wider_than_the_terminal(columns):
    """Lines without a possible line break, examples, and the first line with the program's name may be wider."""
    for words, _ in [((), None), *verbs()]:
        text = aiot(*words, "--help", COLUMNS=str(columns)).stdout
        lines = text.partition("\n  Examples:\n")[0].splitlines()[1:]
        wide = [line for line in lines if len(line) > columns and " " in line.strip()]
        assert wide == [], words
        assert len(lines) > 2 and max(map(len, lines)) <= 80


def test_examples_of_the_help_can_be_called():
    assert {"run", "report", "figures", "import", "compare"} <= set(EXAMPLES)
    commands = dict(verbs())
    for name, lines in EXAMPLES.items():
        assert f"\n    {lines[0]}\n" in aiot(name, "--help", COLUMNS="80").stdout
        for line in lines:
            assert len(line) <= 76, "it does not fit into 80 columns"
            program_name, verb, *words = pairs_joined(shlex.split(line, comments=True))
            assert (program_name, verb) == ("aiot", name)
            path = (verb,) if (verb,) in commands else (verb, words.pop(0))
            commands[path].make_context(path[-1], words).close()
    for line in FIRST_STEPS:
        _, verb, *words = shlex.split(line, comments=True)
        commands[(verb,)].make_context(verb, words).close()


COMPLETE = """
aiot --install-completion > said
source "$HOME/.bashrc"
for words in "aiot mod" "aiot models che" "aiot run --nat"; do
    COMP_WORDS=($words)
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _aiot_completion aiot
    echo "${COMPREPLY[@]}"
done
[ "$(aiot --show-completion)" = "$(cat "$HOME/.bash_completions/aiot.sh")" ] && echo same
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_the_shell_completes_verbs_and_options(tmp_path):
    """Install the completion in an empty home, and call what bash calls when Tab is pressed."""
    program = tmp_path / "bin" / "aiot"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys; sys.path.insert(0, {str(ROOT)!r}); import aiot; aiot.main()\n")
    program.chmod(0o755)
    variables = {**os.environ, "HOME": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    words = ["bash", "--norc", "-c", COMPLETE]
    done = subprocess.run(words, check=False, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["models", "check", "--native-tools", "same"]


def test_every_verb_has_an_option_for_the_workspace():
    assert len(list(verbs())) > 20
    assert [words for words, verb in verbs() if "--workspace" not in shown(verb)] == []


def test_an_option_takes_the_same_kind_of_value_everywhere():
    kinds = {}
    for words, verb in verbs():
        for name, (value, _) in shown(verb).items():
            kinds.setdefault(name, {}).setdefault(value, []).append(" ".join(words))
    exceptions = {"--device", "--out"}  # the device of a log, or ids to select; a file, or a folder
    assert {name: values for name, values in kinds.items() if len(values) > 1 and name not in exceptions} == {}
    assert set(kinds["--images"]) == {"NUMBER"}
    assert [value for values in kinds.values() for value in values if value.startswith("<")] == ["<0|1|devkit>"]
    assert all(text for _, verb in verbs() for _, text in shown(verb).values())


TABLES = ["devices", "doctor", "run", "plan", "compare", "figures", "models list", "models check", "frameworks list"]


@pytest.mark.parametrize("name", [*TABLES, "bundle list"])
def test_verbs_that_print_a_table_print_it_as_json_too(name):
    assert "--json" in shown(dict(verbs())[tuple(name.split())])


def test_lists_are_the_same_as_text_and_as_json(tmp_path):
    for words in (["frameworks", "list"], ["bundle", "list"], ["figures", "--list", "--notebooks", ROOT / "notebooks"]):
        text, rows = aiot(*words, cwd=tmp_path).stdout, json.loads(aiot(*words, "--json", cwd=tmp_path).stdout)
        lines = text.splitlines()[len(words) == 2 :]  # without the heading
        assert len(rows) == len(lines) > 0
        for row, line in zip(rows, lines, strict=True):
            assert all(str(value or "-") in line for value in row.values() if value != "")


@pytest.mark.parametrize("words", [["run"], ["figures"]])
def test_json_without_a_table_is_wrong_usage(words, tmp_path):
    done = aiot(*words, "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert "--json" in done.stderr


WRITING = [
    ["process"],
    ["simulate", "--devices", "1", "--images", "1"],
    ["report"],
    ["run", "--local"],
    ["ab", "--local", "--a", "threads=1", "--b", "threads=2"],
    ["operators"],
    ["import", "log"],
    ["models", "prepare"],
    ["models", "check"],
    ["models", "add", "file", "--settings", "s", "--model", "m", "--name", "n"],
    ["dataset", "make"],
    ["dataset", "sample", "--imagenet", "."],
    ["dataset", "use", ".", "--labels", "x"],
]


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_a_verb_that_writes_does_not_write_into_the_workspace_of_a_folder_above(words, project):
    below = project / "below"
    below.mkdir()
    before = sorted(project.rglob("*"))
    line = refused(aiot(*words, cwd=below))
    assert line.startswith(f"aiot: This folder is inside the workspace {project}: add `--workspace {project}` to write")
    assert sorted(project.rglob("*")) == before


def test_every_verb_that_writes_says_so_in_its_help():
    writing = {" ".join(words) for words, verb in verbs() if "never a folder above" in shown(verb)["--workspace"][1]}
    assert writing == {" ".join(words[: 2 if words[0] in ("models", "dataset") else 1]) for words in WRITING}


def test_a_workspace_is_named_or_found_from_a_folder_below(project):
    below = project / "below"
    below.mkdir()
    done = aiot("process", "--workspace", "..", cwd=below)
    assert (done.returncode, done.stdout) == (
        0,
        "process   1 run, 1 instance, 2 images, 0 excluded in ../data/processed\n",
    )
    attempt(begin(project / "data" / "raw", [ID], device="phone"), ID, LOAD, image(0), image(1), end())
    assert aiot("process", "--workspace", project, cwd=ROOT).stdout.startswith("process   2 runs")
    for cwd, words in [(below, []), (ROOT, ["--workspace", project])]:
        content = json.loads(aiot("compare", "local", "phone", "--json", *words, cwd=cwd).stdout)
        assert content == json.loads(aiot("compare", "local", "phone", "--format", "json", cwd=project).stdout)
        assert json.loads(aiot("plan", "--json", *words, cwd=cwd).stdout)["tables"] == f"{project}/data/processed"
    here = aiot("process", "--workspace", ".", cwd=below)
    assert refused(here).startswith("aiot: There is no folder data/raw: run `aiot run --local`")


def test_a_report_is_written_to_the_workspace_that_is_named(project, tmp_path_factory):
    assert aiot("process", cwd=project).returncode == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "01_broken.ipynb").write_text("none")  # so that no notebook is executed
    done = aiot("report", "--notebooks", elsewhere, "--workspace", project, cwd=elsewhere)
    assert done.stderr.splitlines()[0] == f"report    tables in {project}/data/processed"
    assert (project / "reports" / "index.html").exists()
    assert [path.name for path in elsewhere.iterdir()] == ["01_broken.ipynb"]


@pytest.mark.parametrize("verb", ["report", "figures", "plan", "compare"])
def test_a_workspace_that_is_named_is_not_left_for_one_above_it(verb, project):
    assert aiot("process", cwd=project).returncode == 0
    empty = project / "empty"
    empty.mkdir()
    words = {"compare": ["local", "local"], "plan": ["--noise", "data"]}.get(verb, ["--notebooks", ROOT / "notebooks"])
    line = refused(aiot(verb, *words, "--workspace", empty, cwd=project))
    assert f"{empty}/data/processed" in line and "aiot process" in line
    assert list(empty.iterdir()) == []


def test_a_workspace_that_does_not_exist_is_an_error_of_every_verb_that_uses_one(tmp_path):
    required = {"compare": ["a", "b"], "import": ["log"], "models add": WRITING[9][2:], "ab": WRITING[4][1:]}
    required |= {"export pyperf": ["target"], "export asv": ["target"], "export crate": ["target"]}
    required |= {"dataset sample": WRITING[11][2:], "dataset use": WRITING[12][2:], "report": [], "figures": []}
    for words, verb in verbs():
        name = " ".join(words)
        if "uses no files" in shown(verb)["--workspace"][1] or name in ("devices", "doctor", "clean"):
            continue
        line = refused(aiot(*words, *required.get(name, []), "--workspace", tmp_path / "typo", cwd=ROOT))
        assert line == f"aiot: There is no folder {tmp_path}/typo: create it, or name another with --workspace.", name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["process", "--raw", "s3://bucket/raw"],
        ["process", "--raw=s3://bucket/raw"],
        ["report", "-p", "processed", "s3://bucket/raw"],
        ["compare", "folder:s3://bucket/raw", "x"],
        ["import", "s3://bucket/raw"],
        ["run", "--workspace", "s3://bucket/raw"],
    ],
    ids=" ".join,
)
def test_an_address_is_refused_by_name(words, tmp_path):
    line = refused(aiot(*words, cwd=tmp_path))
    assert line.endswith(
        "s3://bucket/raw is an address, but only files on this machine can be used: copy or mount "
        "them, and give their path."
    )
    assert list(tmp_path.iterdir()) == []


def test_the_address_of_a_cluster_is_none_of_files(tmp_path):
    line = refused(aiot("process", "--raw", "none", "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path))
    assert line.startswith("aiot: There is no folder none: ")
    assert "tcp" in rawlog.commands.DASK_SCHEMES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_command_is_still_imported_is_a_message(tmp_path, number):
    """A Typer that takes long to import stands for a slow disk."""
    (tmp_path / "typer.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    words = [sys.executable, "-m", "aiot", "--help"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    by = "" if number == signal.SIGINT else f" by {number.name}"
    assert (process.returncode, errors) == (128 + number, f"aiot: interrupted{by}; completed work is kept.\n")
