"""Interactive drawings of figures for pages, as Vega-Lite specifications with tidy rows."""

from __future__ import annotations

from aiot_analysis.charts.chart import Chart, View

__all__ = ["Chart", "View"]
