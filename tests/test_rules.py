"""Tests of the rules about packages and their layers, for all imports in the source, also those inside functions.

There are also rules about the text of the project.
"""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("aiot_suite", "runner", "aiot_analysis")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
STATS = sorted((ROOT / "aiot_analysis" / "stats").rglob("*.py"))
PLOTS = sorted((ROOT / "aiot_analysis" / "plots").glob("*.py"))
RAWLOG = sorted((ROOT / "runner" / "rawlog").glob("*.py"))
AGENT = sorted((ROOT / "runner" / "agent").glob("*.py"))
PUSHED = [ROOT / "aiot_suite" / name for name in ("__init__.py", "preprocess.py")]  # to devices, with the agent
RUNNER = ROOT / "runner" / "__init__.py"  # also pushed; imports the rest of the runner only to run the suite
FRAMEWORKS = {  # modules of the agent that may import a framework
    "tflite.py": {"ai_edge_litert"},
    "pytorch.py": {"torch"},
    "caffe2.py": {"caffe2", "torch"},
    "executorch.py": {"executorch", "torch"},
    "onnxruntime.py": {"onnxruntime"},
    "ncnn.py": {"ncnn"},
    "mnn.py": {"MNN"},
}
LAYERS = [  # rooms, lowest first: a module imports only from its own room and from rooms of lower layers
    ["runner.rawlog"],
    ["aiot_suite"],
    ["aiot_suite.cli", "runner.errors", "runner.zoo"],
    ["runner.agent", "runner.bundle"],
    ["runner.devices"],
    ["runner.tools"],
    ["runner"],  # the modules outside its packages, which request, execute and record runs
    ["runner.operators", "runner.importers", "runner.parity", "runner.ab"],
    ["runner.cli"],
    ["aiot_analysis.errors", "aiot_analysis.lazy", "aiot_analysis.words"],
    ["aiot_analysis.tables"],
    ["aiot_analysis.ingest", "aiot_analysis.simulate", "aiot_analysis.stats", "aiot_analysis.plots"],
    ["aiot_analysis.charts"],
    ["aiot_analysis.compare"],
    ["aiot_analysis.display"],
    ["aiot_analysis.report", "aiot_analysis.explore", "aiot_analysis.calibrate"],
    ["aiot_analysis.export"],
    ["aiot_analysis"],  # the public names
    ["aiot_analysis.cli"],
]
RANKS = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
# written in parts, so that this file does not name a registry itself
HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("anaconda", "com"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("download", "pytorch", "org"),
    ]
]


def named(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Return the full names of all imports in a file; `from a import b` gives a.b."""
    package = named(path).removesuffix(".py").removesuffix("/__init__").split("/")
    if path.name != "__init__.py":
        package = package[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def top(path):
    """Return the names of the packages that a file imports."""
    return {name.partition(".")[0] for name in imports(path)}


def run(*words, python=sys.executable, **environment):
    done = subprocess.run(
        [python, *words],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_are_read_from_every_form_of_the_statement(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = tmp_path / "a" / "b" / "c.py"
    path.write_text("import x.y\nfrom z import w\nfrom . import d\nfrom ..e import f\ndef g():\n  import late\n")
    assert imports(path) == {"x.y", "z.w", "a.b.d", "a.e.f", "late"}


def module(path):
    """Return the dotted name of a module, `__init__` without its own name."""
    return named(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module(path): path for path in SOURCES}


def room(name):
    """Return the room that a module is in: the longest of LAYERS that its name begins with."""
    while name not in RANKS:
        name = name.rpartition(".")[0]
    return name


def imported_modules(path):
    """Return the modules of the project that a file imports; a name in a module stands for the module."""
    modules = set()
    for name in imports(path):
        imported = name
        while imported and imported not in MODULES:
            imported = imported.rpartition(".")[0]
        modules.add(imported)
    return modules - {"", module(path)}


def arrows():
    """Return all imports between rooms, as pairs of modules."""
    pairs = {(name, target) for name, path in MODULES.items() for target in imported_modules(path)}
    return sorted((name, target) for name, target in pairs if room(name) != room(target))


def test_no_import_runs_up_or_between_rooms_of_one_layer():
    assert len(arrows()) > 300
    assert [pair for pair in arrows() if RANKS[room(pair[0])] <= RANKS[room(pair[1])]] == []


def test_the_suite_and_the_runner_know_nothing_of_the_analysis_which_knows_of_them_only_the_raw_logs():
    crossing = {
        (room(name), room(target))
        for name, target in arrows()
        if name.startswith("aiot_analysis") != target.startswith("aiot_analysis")
    }
    assert {target for _, target in crossing} == {"runner.rawlog"}
    assert not any("aiot" in top(path) for path in SOURCES)


def test_no_module_is_in_a_cycle_with_others():
    """In a depth-first search over all imports, a module reached again before its search has ended is in a cycle."""
    graph = {name: imported_modules(path) - {name.rpartition(".")[0]} for name, path in MODULES.items()}
    done, cycles = set(), []

    def search(name, above):
        if name in above:
            cycles.append([*above[above.index(name) :], name])
        elif name not in done:
            for target in sorted(graph[name]):
                search(target, [*above, name])
            done.add(name)

    for name in graph:
        search(name, [])
    assert cycles == []


def test_statistics_bring_in_no_plotting_library_through_others_either():
    modules = [module(path) for path in STATS if path.name != "__init__.py"]
    assert len(modules) > 8
    loaded = run("-c", f"import sys, {', '.join(modules)}; print(*sys.modules)").split()
    assert set(modules) <= set(loaded)
    assert not {"matplotlib", "seaborn"} & set(loaded)


@pytest.mark.parametrize("path", PLOTS, ids=named)
def test_figures_compute_no_statistics(path):
    assert not top(path) & {"scipy", "statsmodels"}


@pytest.mark.parametrize("path", [*RAWLOG, *AGENT, *PUSHED, RUNNER], ids=named)
def test_what_runs_on_devices_is_written_in_python_3_8(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_the_raw_log_format_needs_only_the_standard_library():
    external = {name for path in RAWLOG for name in imports(path) if not name.startswith("runner.rawlog.")}
    assert {name.partition(".")[0] for name in external} <= sys.stdlib_module_names
    code = "import sys; sys.path.insert(0, 'runner'); import rawlog; print(rawlog.SCHEMA_VERSION)"
    assert run("-I", "-S", "-c", code) == "1\n"


@pytest.mark.parametrize("path", [*AGENT, *PUSHED], ids=named)
def test_the_agent_needs_numpy_pillow_and_one_framework(path):
    allowed = sys.stdlib_module_names | {"numpy", "PIL", *PACKAGES} | FRAMEWORKS.get(path.name, set())
    assert top(path) <= allowed
    pushed = {module(file) for file in (*RAWLOG, *AGENT, *PUSHED)} | {"runner"}
    assert imported_modules(path) <= pushed


def python_3_8():
    """Return a Python 3.8 that starts, or None; a program on the PATH may be a shim that does not start."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in [*sorted(versions.glob("3.8*/bin/python")), "python3.8"]:
        try:
            done = subprocess.run([path, "-V"], check=False, capture_output=True, text=True, timeout=20)
        except OSError:
            continue
        if done.returncode == 0 and done.stdout.startswith("Python 3.8"):
            return str(path)
    return None


def test_python_3_8_itself_compiles_the_agent_and_writes_and_reads_a_log(tmp_path):
    python = python_3_8()
    if python is None:
        pytest.skip("there is no Python 3.8 here that starts")
    program = f"""
for path in {[str(path) for path in (*RAWLOG, *AGENT, *PUSHED, RUNNER)]!r}:
    compile(open(path, encoding="utf-8").read(), path, "exec")
from runner import rawlog
path = rawlog.attempt_path({str(tmp_path)!r}, "a_b_c_d", 1)
with rawlog.AttemptWriter(path) as log:
    log.write("warmup", inference_ns=5)
rawlog.close_attempt(path, "failed", reason="killed")
attempt = rawlog.read_attempt(path)
print(attempt.status, len(attempt.events), attempt.of("warmup")[0]["inference_ns"])
"""
    code = run("-c", program, python=python, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(ROOT))
    assert code == "failed 2 5\n"


def test_help_imports_nothing_that_is_slow_to_import():
    code = (
        "import sys\nsys.argv = ['aiot', '--help']\nimport aiot\n"
        "try:\n    aiot.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('LOADED', *sys.modules)"
    )
    shown, _, loaded = run("-c", code).partition("LOADED")
    assert "Usage: aiot" in shown
    slow = {"pandas", "numpy", "torch", "matplotlib", "papermill", "scipy", "pyarrow", "nbconvert", "PIL"}
    assert not slow & set(loaded.split())


def names_of_the_project():
    """Return the names of all files that belong to the project, relative to its folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        check=False,
        cwd=ROOT,
        capture_output=True,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout, so what belongs to the project is unknown")
    return list(filter(None, listed.stdout.decode().split("\0")))


def test_no_text_of_the_project_names_a_package_registry():
    named_in = []
    for name in names_of_the_project():
        try:
            text = (ROOT / name).read_text(encoding="utf-8").casefold()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a binary file, or a file that is deleted but not yet committed
        named_in += [f"{name}: {host}" for host in HOSTS if host in text]
    assert named_in == []


SPACE = r"[ \u00a0\u2009\u202f]"
SPACED = re.compile(rf"[\d}}$]{SPACE}%(?![\w(%}}]|\.\d)")  # not followed by a conversion, as in "%s", or by "}}"
SPACED_UNIT = re.compile(rf"^{SPACE}%(?![\w(%}}]|\.\d)")  # a string that is appended to a number
AS_USERS_WRITE = {f"{number}{' '}%" for number in ("5", "2.5", "+1,234.5")}
"""Whole strings in tests of reading percentages, where a space is accepted."""


def prose_of_python(source):
    """Yield the line number and text of comments and strings in a module; fields of f-strings become {}."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def spaced_percents(source, suffix):
    """Return the numbers of lines with a space between a number, or a field for one, and a percent sign."""
    if suffix != ".py":
        return [number for number, line in enumerate(source.splitlines(), 1) if SPACED.search(line)]
    prose = [(number, text) for number, text in prose_of_python(source) if text.strip() not in AS_USERS_WRITE]
    return sorted({number for number, text in prose if SPACED.search(text) or SPACED_UNIT.search(text)})


@pytest.mark.parametrize(
    ("suffix", "source", "lines"),
    [
        (".md", "81.7% of\n5_% of\n{{ share }}_%, and\naccuracy (%), change, %", [2, 3]),
        (".md", "$1.76$_% of\n5~%", [1, 2]),
        (".j2", "{% if rows > 12_%}{{ text }}{% endif %}", []),
        (".js", "const text = `${share}_%`;\nconst even = place % 2;", [1]),
        (".ipynb", '  "at 95_%.\\n",', [1]),
        (".py", "x = 5_% 2  # 5_% of\n", [1]),
        (".py", "x = 5_% 2\ny = 'even' if {}[x]_% 2 else f'{x_% 2} of 5%'\n", []),
        (".py", "x = (\n    f'{share:.1f}_%'\n)\ny = 'at 5 '  '% of it'\n", [2, 4]),
        (".py", "x = str(share) + '_%'\n", [1]),
        (".py", '"""Return 5%.\n\nNot 5_%.\n"""\nx = "%d_%s, 5_%s, 5_%.1f%%" % y\n', [1]),
        (".py", "x = percent(' 2.5_% ')\n", []),
    ],
)
def test_a_space_before_a_percent_sign_is_found_in_prose_only(suffix, source, lines):
    assert spaced_percents(source.replace("_", " ").replace("~", "\N{NO-BREAK SPACE}"), suffix) == lines


def test_percentages_are_written_without_a_space():
    suffixes = {".py", ".md", ".ipynb", ".js", ".css", ".html", ".j2", ".toml", ".yml", ".cff"}
    paths = [ROOT / name for name in names_of_the_project() if Path(name).suffix in suffixes]
    places = [
        f"{named(path)}:{number}"
        for path in paths
        if "vendor" not in path.parts and path.is_file()
        for number in spaced_percents(path.read_text(encoding="utf-8"), path.suffix)
    ]
    assert places == []
