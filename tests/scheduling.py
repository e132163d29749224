"""Which tests share a process where pytest-xdist runs several: those of a file, or of several files.

The fixtures of a file are built once then, and tests that need a port, a namespace or a quiet neighbour do not meet.
`--dist loadgroup` would read the same from marks, but pytest-xdist 3.8 writes them where pytest 9.2 does not look.
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
"""Files, and folders, whose tests share one process."""
APART = [
    "tests/aiot_analysis/plots/test_plots.py",
    "tests/test_accuracy_page.py",
    "tests/test_notebook_latency.py",
    "tests/test_notebooks.py",
]
"""Files whose tests share nothing that takes long to make."""


FIRST = [
    "site",
    "tests/runner/test_plugins.py",
    "tests/aiot_analysis/ingest/test_parts.py",
    "tests/browser/test_lab.py",
    "tests/browser/test_documentation.py",
    "tests/aiot_analysis/plots/test_print.py",
    "tests/aiot_analysis/simulate/test_pipeline.py",
]
"""Groups of few tests that take long: at the end, one process would still be busy with them and the others idle."""


def group_of(nodeid: str) -> str:
    """Return what the test shares its process with: the name of a group, its file, or itself alone."""
    file = nodeid.partition("::")[0]
    if file in APART:
        return nodeid
    return next((group for group, places in TOGETHER.items() if file.startswith(tuple(places))), file)


class Scheduling(LoadScopeScheduling):
    """Hands out groups of tests in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put groups that take long first in a process among several: those of FIRST and APART, then large ones."""
    if not hasattr(config, "workerinput"):
        return
    tests = Counter(group_of(item.nodeid) for item in items)
    early = {group: place for place, group in enumerate(FIRST)}

    def place(item: pytest.Item) -> tuple[int, int]:
        group = group_of(item.nodeid)
        apart = len(early) if item.nodeid.partition("::")[0] in APART else len(early) + 1
        return early.get(group, apart), -tests[group]

    items.sort(key=place)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)  # type: ignore[arg-type]
