"""What all tests need of their process."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# No test is about time, and `make test` gives the same answer twice: `make fuzz` looks for new examples.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

# A shell starts what runs in the background with Ctrl-C ignored, and so would be all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--e2e-all", action="store_true", help="also the tests that only `make e2e-all` runs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--e2e-all"):
        return
    left_out = pytest.mark.skip(reason="only `make e2e-all`")
    for item in items:
        if item.get_closest_marker("e2e_all"):
            item.add_marker(left_out)
