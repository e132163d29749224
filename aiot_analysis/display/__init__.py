"""Output of notebooks, in JupyterLab and on pages alike: figures, tables and sentences for readers.

    from aiot_analysis.display.show import banner, show, table

show             figures with their descriptions, tables, and the origin of the data
notebook_page    opening the data, claims and excluded rows of a notebook
columns          headings with units and number formats of the columns of frames
cells            text of the cells of a table
export           files of figures and tables: PDF, SVG, PNG, CSV, LaTeX, Markdown
claim_tables     claims of the paper's remarks
agreement_table  agreement between devices
flip_table       images that flip, with their pictures
parity_table     results of the checks of model files
pictures         pictures and class names of a dataset
resolution_text  differences that the data can show, and what smaller ones require
"""

CLAIM_TABLES = ("remark{}_claims", "remark{}_comparisons")
"""Names of the two tables that `NotebookPage.claims` displays, with a place for the number of the remark."""
