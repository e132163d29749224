"""Fixtures shared with the tests of the runner."""

from tests.runner.conftest import request_, tiny_folder, workspace

__all__ = ["request_", "tiny_folder", "workspace"]
