"""The processed tables: schemas, files, loading, and the rules that select rows.

workspace      where the tables of a workspace are, whether they are intact, locks, and hashes of code and tables
schemas        columns of each table, with their checks
storage        reading and writing the tables
data           `load()` and `Data`: the tables in a notebook
names          grammar, labels and orders of names, and parsing of what a user selects by
select         which rows count, and which may be pooled
validity       verdicts on instances
along          per-image times in run order, and their stability
by_device      image records one device at a time, here or on a Dask cluster
paper          Tables I to IV of the paper, and the counts in its text
"""
