"""Interactive drawings of figures for pages, as Vega-Lite specifications with tidy rows.

Each module draws what the module of the same name in `aiot_analysis.plots` draws for print.
"""
