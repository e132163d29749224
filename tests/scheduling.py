"""Assign tests to the processes of pytest-xdist: the tests of a file, or of several files, share a process.

Fixtures of a file are thus built once, and tests that need a port, a namespace or a quiet machine do not run at once.
`--dist loadgroup` would do the same with marks, but pytest-xdist 3.8 stores them where pytest 9.2 does not find them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

TOGETHER = {
    "attached devices": ["tests/e2e/", "tests/campaign/test_campaign.py"],
    "site": ["tests/browser/test_pages.py", "tests/browser/test_front.py", "tests/browser/test_script.py"],
}
"""Files and folders whose tests share one process."""
APART = [
    "tests/aiot_analysis/plots/test_plots.py",
    "tests/test_accuracy_page.py",
    "tests/test_notebook_latency.py",
    "tests/test_notebooks.py",
]
"""Files whose tests are distributed individually, since they share no slow fixture."""


FIRST = [
    "site",
    "tests/runner/test_plugins.py",
    "tests/aiot_analysis/ingest/test_parts.py",
    "tests/browser/test_lab.py",
    "tests/browser/test_documentation.py",
    "tests/aiot_analysis/plots/test_print.py",
    "tests/aiot_analysis/simulate/test_pipeline.py",
]
"""Groups of few slow tests, which start first so that no process is still busy with them at the end."""


def group_of(nodeid: str) -> str:
    """Return the group of tests that share a process with a test: one of TOGETHER, its file, or the test alone."""
    file = nodeid.partition("::")[0]
    if file in APART:
        return nodeid
    return next((group for group, places in TOGETHER.items() if file.startswith(tuple(places))), file)


class Scheduling(LoadScopeScheduling):
    """Distribute groups of tests in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put slow groups first if there are several processes: those of FIRST and APART, then large ones."""
    if not hasattr(config, "workerinput"):
        return
    tests = Counter(group_of(item.nodeid) for item in items)
    early = {group: position for position, group in enumerate(FIRST)}

    def position(item: pytest.Item) -> tuple[int, int]:
        group = group_of(item.nodeid)
        apart = len(early) if item.nodeid.partition("::")[0] in APART else len(early) + 1
        return early.get(group, apart), -tests[group]

    items.sort(key=position)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)  # type: ignore[arg-type]
