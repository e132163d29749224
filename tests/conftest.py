"""Settings of the test process, and checks that a test session leaves nothing behind."""

import gc
import os
import signal
from collections.abc import Iterator

# Beside a second process, a framework is several times slower with two threads than with one. Set before NumPy is
# imported.
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

# Examples have no time limit and are the same in each `make test`; `make fuzz` draws new ones.
QUIET = [HealthCheck.too_slow]
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=QUIET, max_examples=50)
settings.register_profile(SEARCH, deadline=None, suppress_health_check=QUIET, max_examples=50 * TIMES_IN_SEARCH)
settings.load_profile("same")

# A shell starts background jobs with Ctrl-C ignored, which processes started by tests would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.scheduling"]
SESSION = pytest.StashKey[Session]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--e2e-all", action="store_true", help="also run the tests marked e2e_all")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that the user started, not one of pytest-xdist's
        config.stash[SESSION] = Session()
        config.stash[SESSION].begin()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--e2e-all"):
        return
    skip = pytest.mark.skip(reason="only `make e2e-all`")
    for item in items:
        if item.get_closest_marker("e2e_all"):
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # imported objects stay: the garbage collector need not examine them again
    gc.set_threshold(*COLLECT)


@pytest.fixture(scope="session", autouse=True)
def kept_workers() -> Iterator[None]:
    """Keep the processes that execute notebooks for all tests of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "Workers", KeptWorkers)
        yield
    end_all()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session if tests left something behind; the processes of pytest-xdist have already ended."""
    if SESSION not in session.config.stash:
        return
    test_session = session.config.stash[SESSION]
    test_session.look(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
    if test_session.left_behind and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    test_session.end(keep=session.exitstatus != pytest.ExitCode.OK)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[SESSION].left_behind:
        terminalreporter.line(f"left behind: {line}", red=True)
    seed = config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.line(f"in random order: --randomly-seed={seed} repeats it")


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Fail a test that takes longer than 30 s, for example because it reads an endless file."""

    def fail(*_: object) -> None:
        raise TimeoutError("the test took longer than 30 s")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
