"""Fixtures shared with the tests of the runner."""

from tests.runner.conftest import tiny_folder, workspace

__all__ = ["tiny_folder", "workspace"]
