"""Fixtures that are shared with the tests of the reports."""

from tests.aiot_analysis.report.conftest import processed

__all__ = ["processed"]
