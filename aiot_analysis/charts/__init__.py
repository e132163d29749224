"""Interactive drawings of figures for pages and JupyterLab, as Vega-Lite specifications with tidy rows.

Each module draws what the module of the same name in `aiot_analysis.plots` draws for print. `vegalite`
makes a chart a complete specification, which JupyterLab draws; on pages, their script does so.
"""
