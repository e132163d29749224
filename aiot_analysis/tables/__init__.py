"""The processed tables: schemas, files, loading, and the rules that select rows.

schemas        columns of each table, with their checks
storage        reading and writing the tables
processed      where the tables of a workspace are, and whether they are intact
data           `load()` and `Data`: the tables in a notebook
names          labels and orders of devices, instances and origins; `choice` parses lists of them given as parameters
select         which rows count; `validity` and `stability` give the verdicts, `pooling` says which rows may be pooled
along          per-image times in run order
by_device      image records one device at a time, here or on a Dask cluster (`cluster`)
paper          Tables I to IV of the paper, and the counts in its text
fingerprint    hashes of code and tables, which tell whether results are up to date
"""
