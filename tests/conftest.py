"""What all tests need of their process, how they are spread over processes, and what they may not leave behind."""

import gc
import os
import signal
from collections.abc import Iterator

# Two threads beside a second process make a framework several times slower than one; before NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for tests that import ONNX Runtime themselves

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from aiot_analysis.report import workers  # noqa: E402
from aiot_analysis.report.kernel_process import COLLECT  # noqa: E402
from tests.examples import SEARCH, TIMES_IN_SEARCH  # noqa: E402
from tests.leftovers import Session  # noqa: E402
from tests.workers import KeptWorkers, end_all  # noqa: E402

# No test is about time, and `make test` gives the same answer twice: `make fuzz` looks for new examples.
QUIET = [HealthCheck.too_slow]
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=QUIET, max_examples=50)
settings.register_profile(SEARCH, deadline=None, suppress_health_check=QUIET, max_examples=50 * TIMES_IN_SEARCH)
settings.load_profile("same")

# A shell starts what runs in the background with Ctrl-C ignored, and so would be all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.scheduling"]
SESSION = pytest.StashKey[Session]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--e2e-all", action="store_true", help="also the tests that only `make e2e-all` runs")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that the user started, not one of pytest-xdist's
        config.stash[SESSION] = Session()
        config.stash[SESSION].begin()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--e2e-all"):
        return
    left_out = pytest.mark.skip(reason="only `make e2e-all`")
    for item in items:
        if item.get_closest_marker("e2e_all"):
            item.add_marker(left_out)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what is imported by now stays: the garbage collector need not look at it again and again
    gc.set_threshold(*COLLECT)


@pytest.fixture(scope="session", autouse=True)
def kept_workers() -> Iterator[None]:
    """Let the processes that execute notebooks serve all tests of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "Workers", KeptWorkers)
        yield
    end_all()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where tests left something behind; the processes of pytest-xdist have ended by now."""
    if SESSION not in session.config.stash:
        return
    ours = session.config.stash[SESSION]
    ours.look(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
    if ours.left_behind and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    ours.end(keep=session.exitstatus != pytest.ExitCode.OK)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[SESSION].left_behind:
        terminalreporter.line(f"left behind: {line}", red=True)
    seed = config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.line(f"in random order: --randomly-seed={seed} repeats it")


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Fails a test that takes longer than half a minute, such as one that reads a file that never ends."""

    def fail(*_: object) -> None:
        raise TimeoutError("the test took longer than 30 s")

    earlier = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, earlier)
