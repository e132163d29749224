"""The rules that hold the halves apart and the files small, read from the source itself."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNNER = sorted((ROOT / "runner").rglob("*.py"))
ANALYSIS = sorted((ROOT / "aiot_analysis").rglob("*.py"))
STATS = sorted((ROOT / "aiot_analysis" / "stats").rglob("*.py"))
PLOTS = sorted((ROOT / "aiot_analysis" / "plots").glob("*.py"))
DISPLAY = sorted((ROOT / "aiot_analysis" / "display").glob("*.py"))
RAWLOG = sorted((ROOT / "runner" / "rawlog").glob("*.py"))
AGENT = sorted((ROOT / "runner" / "agent").glob("*.py"))
FRAMEWORKS = {  # the agent's modules that may import one
    "tflite.py": {"ai_edge_litert"},
    "pytorch.py": {"torch"},
    "caffe2.py": {"caffe2", "torch"},
    "executorch.py": {"executorch", "torch"},
}
LINES_AT_MOST = 350
# written in parts, or this file would be the first to name one
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
    """Full names of what a file imports, anywhere in it; `from a import b` gives a.b."""
    package = named(path).removesuffix(".py").removesuffix("/__init__").split("/")
    if path.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def top(path):
    """Names of the packages a file imports."""
    return {name.partition(".")[0] for name in imports(path)}


def run(*words, python=sys.executable, **environment):
    done = subprocess.run(
        [python, *words], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_are_read_from_every_form_of_the_statement(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = tmp_path / "a" / "b" / "c.py"
    path.write_text("import x.y\nfrom z import w\nfrom . import d\nfrom ..e import f\ndef g():\n  import late\n")
    assert imports(path) == {"x.y", "z.w", "a.b.d", "a.e.f", "late"}


@pytest.mark.parametrize("path", RUNNER, ids=named)
def test_the_runner_knows_nothing_of_the_analysis(path):
    assert not top(path) & {"aiot_analysis", "aiot"}


@pytest.mark.parametrize("path", ANALYSIS, ids=named)
def test_the_analysis_knows_of_the_runner_only_the_raw_logs(path):
    of_runner = {name for name in imports(path) if name.split(".")[0] == "runner"}
    assert all(name == "runner.rawlog" or name.startswith("runner.rawlog.") for name in of_runner)


@pytest.mark.parametrize("path", STATS, ids=named)
def test_statistics_import_no_plotting_library(path):
    assert not top(path) & {"matplotlib", "seaborn", "IPython"}
    assert not any(name.startswith("aiot_analysis.plots") for name in imports(path))


def test_statistics_bring_in_no_plotting_library_through_others_either():
    modules = [named(path).removesuffix(".py").replace("/", ".") for path in STATS if path.name != "__init__.py"]
    assert len(modules) > 8
    loaded = run("-c", f"import sys, {', '.join(modules)}; print(*sys.modules)").split()
    assert set(modules) <= set(loaded)
    assert not {"matplotlib", "seaborn"} & set(loaded)


@pytest.mark.parametrize("path", PLOTS, ids=named)
def test_figures_compute_no_statistics(path):
    assert not top(path) & {"scipy", "statsmodels"}
    assert not any(name.startswith("aiot_analysis.stats") for name in imports(path))


@pytest.mark.parametrize("path", [*STATS, *PLOTS, *DISPLAY], ids=named)
def test_what_pages_are_made_of_knows_nothing_of_pages(path):
    assert not any(name.startswith("aiot_analysis.report") for name in imports(path))


@pytest.mark.parametrize("path", [*RAWLOG, *AGENT], ids=named)
def test_what_runs_on_devices_is_written_in_python_3_8(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_the_raw_log_format_needs_only_the_standard_library():
    others = {name for path in RAWLOG for name in imports(path) if not name.startswith("runner.rawlog.")}
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names
    code = "import sys; sys.path.insert(0, 'runner'); import rawlog; print(rawlog.SCHEMA_VERSION)"
    assert run("-I", "-S", "-c", code) == "1\n"


@pytest.mark.parametrize("path", AGENT, ids=named)
def test_the_agent_needs_numpy_pillow_and_one_framework(path):
    allowed = sys.stdlib_module_names | {"numpy", "PIL", "runner"} | FRAMEWORKS.get(path.name, set())
    assert top(path) <= allowed
    of_runner = {name for name in imports(path) if name.startswith("runner.")}
    assert all(name.startswith(("runner.rawlog", "runner.agent")) for name in of_runner)


def python_3_8():
    """A Python 3.8 that really starts, or None: a name on the PATH may be a shim that does not."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in [*sorted(versions.glob("3.8*/bin/python")), "python3.8"]:
        try:
            done = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=20)
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
for path in {[str(path) for path in (*RAWLOG, *AGENT)]!r}:
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


@pytest.mark.parametrize("path", [ROOT / "aiot.py", *RUNNER, *ANALYSIS], ids=named)
def test_every_module_is_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_AT_MOST


def test_no_text_of_the_project_names_a_package_registry():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("this is no git checkout, so what belongs to the project is unknown")
    named_in = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        try:
            text = (ROOT / name).read_text(encoding="utf-8").casefold()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture or numbers, or deleted and not yet committed
        named_in += [f"{name}: {host}" for host in HOSTS if host in text]
    assert named_in == []
