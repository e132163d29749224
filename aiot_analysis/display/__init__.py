"""Output of notebooks, in JupyterLab and on pages alike: figures, tables and sentences for readers.

    from aiot_analysis.display.show import banner, show, table

show             figures with their descriptions, tables, and the origin of the data
notebook_page    opening the data, claims and excluded rows of a notebook
columns          headings, units and digits of columns, and the text of cells
export           files of figures and tables: PDF, SVG, PNG, CSV, LaTeX, Markdown
front            results of the overview that are saved for the first page
findings         the finding of each figure in a sentence; `published_findings` for pages on published results
majority         what holds on most devices, in words: which part leads, for which networks
reading          how to read pages, and what fills a section without data
claim_strip      claims as a compact list with small drawings
claim_tables     claims of the paper's remarks
agreement_table  agreement between devices, and of model files with their originals
pictures         pictures and class names of a dataset, and images that flip
resolution_text  differences that the data can show, and what smaller ones require
"""

CLAIM_TABLES = ("remark{}_claims", "remark{}_comparisons")
"""Names of the two tables that `NotebookPage.claims` displays, with a place for the number of the remark."""
