import pytest

from aiot_suite.errors import SetupError
from runner.bundle import recipes
from runner.cli.device_commands import bundle_lock
from tests import command


@pytest.fixture
def aiot(tmp_path):
    def call(*words, **more):
        return command.aiot("bundle", *words, cwd=tmp_path, COLUMNS="250", AIOT_CACHE=str(tmp_path / "cache"), **more)

    return call


def test_bundles_are_listed_with_the_command_that_builds_them(aiot):
    done = aiot("list")
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["bundle", "frameworks", "python", "packages", "state"]
    named = [f"{name}-{architecture}" for name in recipes.load_recipes() for architecture in recipes.ARCHITECTURES]
    assert [row.split()[0] for row in rows] == named
    assert "torch 1.10.2" in rows[2]
    assert rows[1].rstrip().endswith("aiot bundle build --arch amd64 --framework tflite")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--arch", "mips"], "There are no bundles for the architecture 'mips': choose one of arm64, amd64."),
        (
            ["--framework", "mxnet"],
            (
                "There is no bundle with the framework 'mxnet': choose one of tflite, onnxruntime, ncnn, mnn, pytorch, "
                "caffe2."
            ),
        ),
    ],
)
def test_an_unknown_choice_is_one_sentence(aiot, words, sentence):
    done = aiot("build", *words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"aiot: {sentence}\n")


def test_without_apt_the_sentence_says_where_bundles_are_made(aiot, tmp_path):
    done = aiot("build", "--arch", "arm64", PATH=str(tmp_path))
    assert done.returncode == 1
    *steps, line = done.stderr.splitlines()
    assert line.startswith("aiot: Bundles are built from Debian's packages, but this machine does not have apt-get")
    assert all(step.startswith("bundle    ") for step in steps)


def test_an_installed_package_keeps_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("runner.cli.device_commands.PROJECT", tmp_path / "site")
    with pytest.raises(SetupError, match="The lock can be changed only in a checkout of the project"):
        bundle_lock()
