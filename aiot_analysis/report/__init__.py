"""Turn notebooks into reports: each is executed and becomes one self-contained HTML file.

    from aiot_analysis.report.render import render
    render("notebooks", "reports", names=["04"], parameters={"origin": "simulated"})

The functions that notebooks themselves call are in aiot_analysis.display.

render          renders outdated pages, and returns the outcome of each notebook
site            a folder of reports: its pages, and whether they are up to date
notebooks       finding, choosing and reading notebooks without executing them
parameters      the cell tagged `parameters`, and values typed on a command line
manifest        what was rendered, with which fingerprint
workers         processes that execute notebooks, and that end on request
kernels         kernels that start without delay
kernel_process  the process of such a kernel
kernel_imports  what the fork server imports for all kernels
folder          the output folder: one writer at a time, and unrelated files stay untouched
page            one notebook: executed, then converted to HTML
markup          tables of contents, and smaller HTML tables
facts           the content of the processed tables, as text and counts
front           what the overview saves for the first page: scores and claims
index           the first page, and the navigation at the top of the other pages
catalogue       the figures and tables that the notebooks show
figures         their files for print
"""
