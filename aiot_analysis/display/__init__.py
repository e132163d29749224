"""What notebooks show, in JupyterLab and on pages alike: figures, tables, and sentences for readers.

    from aiot_analysis.display.show import banner, show, table

show       figures with their descriptions, tables, where the data come from
columns    how the columns of frames are told to readers: headings with units, formats
cells      what stands in a table, in words
export     files of figures and tables: PDF, SVG, PNG, CSV, LaTeX, Markdown
claims     the claims of the paper's remarks
agreement  how much devices agree
flips      images that flip, with their pictures
parity     what the checks of model files found
resolution what the data can show, and what smaller differences need
"""
