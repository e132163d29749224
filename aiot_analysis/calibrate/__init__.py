"""Error rates of the statistics: fleets with planted truths go through the real functions, and errors are counted.

plant      fleets of known times, accuracies and noise, as the tables `instances` and `images`
claims     for each claim what is planted where it is false, and where it is true
intervals  coverage of intervals and of rank sets
sides      two sides of a comparison
studies    everything that is tried, in order
rates      shares of trials, their exact intervals and targets
table      the table of docs/statistics.md

`python -m aiot_analysis.calibrate`, or `make calibrate`, runs everything and writes the table.
"""
