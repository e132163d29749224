import pytest

from runner.bundle.layout import first_start_command, python_command, read_first_start


def split(words):
    """Return the variables and the other words of a command."""
    assert words[:2] == ["env", "-i"]
    start = next(number for number, word in enumerate(words[2:], 2) if word.startswith("/"))
    return dict(word.split("=", 1) for word in words[2:start]), words[start:]


def test_python_is_started_through_its_own_loader_with_variables_of_its_own():
    variables, rest = split(python_command("/data/local/tmp/aiot/b", ["-m", "runner.agent", "job.json"]))
    assert rest == [
        "/data/local/tmp/aiot/b/lib/ld.so",
        "--inhibit-cache",
        "--library-path",
        "/data/local/tmp/aiot/b/lib",
        "/data/local/tmp/aiot/b/bin/python3",
        "-s",
        "-S",
        *["-m", "runner.agent", "job.json"],
    ]
    assert variables == {
        "PYTHONHOME": "/data/local/tmp/aiot/b",
        "PYTHONPATH": "/data/local/tmp/aiot/b/site",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTHONCOERCECLOCALE": "0",
        "PATH": "/system/bin:/usr/bin:/bin",
        "TMPDIR": "/data/local/tmp/aiot/b/tmp",
        "HOME": "/data/local/tmp/aiot/b/tmp",
        "USER": "shell",
        "LOGNAME": "shell",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def test_variables_can_be_given_and_the_bundles_packages_stay_on_the_path():
    environment = {"PYTHONPATH": "/a/agent", "TMPDIR": "/t", "OMP_NUM_THREADS": "2"}
    variables, _ = split(python_command("/b", [], environment))
    assert variables["PYTHONPATH"] == "/a/agent:/b/site"
    assert (variables["TMPDIR"], variables["OMP_NUM_THREADS"], variables["HOME"]) == ("/t", "2", "/b/tmp")
    assert environment == {"PYTHONPATH": "/a/agent", "TMPDIR": "/t", "OMP_NUM_THREADS": "2"}


def test_the_first_start_imports_everything_and_leaves_bytecode():
    variables, rest = split(first_start_command("/b", ["numpy", "PIL.Image"]))
    assert variables["PYTHONDONTWRITEBYTECODE"] == ""
    assert rest[-2] == "-c"
    assert "['numpy', 'PIL.Image']" in rest[-1]
    compile(rest[-1], "first", "exec")


def test_the_result_of_the_first_start_is_found_among_lines_of_libraries():
    for text in ('a warning\n{"python": "3.11.2"}\n', '{"python": "3.11.2"}\nThe device supports: fp16:0\n'):
        assert read_first_start(text) == {"python": "3.11.2"}
    for text in ("", "Illegal instruction\n", "[1]\n"):
        with pytest.raises(ValueError):
            read_first_start(text)
