"""Notebooks to reports: each is executed, and becomes one HTML file that needs nothing else.

    from aiot_analysis.report.render import render
    render("notebooks", "reports", names=["04"], parameters={"origin": "simulated"})

What notebooks themselves call is in aiot_analysis.display.

render          renders what is out of date, and says what became of each notebook
site            the folder of reports: which pages are there, and whether they still are true
notebooks       finding, choosing and reading notebooks without executing them
parameters      the cell tagged `parameters`, and values typed on a command line
fingerprint     hashes of code, data and libraries: what makes a page out of date
manifest        what was rendered, with which fingerprint
workers         processes that execute notebooks, and end when told to
kernels         kernels that start at once
kernel_process  the process of such a kernel
kernel_imports  what the fork server imports for all kernels
folder          the folder of the reports: one writer at a time, and foreign files are not touched
page            one notebook: executed, then HTML
markup          tables of contents, and tables in fewer bytes
facts           what the processed tables hold, in words and counts
front           what the overview keeps for the first page: scores and claims
index           the first page, and the navigation at the head of the others
catalogue       which figures and tables the notebooks show
figures         files of them for print
"""
