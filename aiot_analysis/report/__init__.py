"""Turn notebooks into reports: each is executed and becomes one self-contained HTML file.

    from aiot_analysis.report.render import render
    render(None, "reports", names=["04"], parameters={"origin": "simulated"})

The functions that notebooks themselves call are in aiot_analysis.display.

render          renders outdated pages, and returns the outcome of each notebook
site            a folder of reports: its lock, its manifest, its pages, and whether they are up to date
notebooks       finding, choosing and reading notebooks and their parameters without executing them
workers         processes that execute notebooks, and that end on request
kernels         kernels that start without delay
kernel_process  the process of such a kernel
kernel_imports  what the fork server imports for all kernels
page            one notebook: executed, then converted to HTML
facts           the content of the processed tables, as text and counts
index           the first page, and the navigation at the top of the other pages
figures         figures and tables that the notebooks show, and their files for print
"""
