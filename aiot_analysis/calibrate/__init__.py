"""Monte Carlo error rates of the statistics, from fleets with a known truth analysed by the real functions.

plant           fleets with known times, accuracies and noise, as the tables `instances` and `images`
claim_rates     for each claim, fleets in which it is false and fleets in which it is true
interval_rates  coverage of intervals and rank sets, and the two sides of a comparison
studies         all studies, in order
rates           shares of trials with exact intervals and targets, and their table in docs/statistics.md

`python -m aiot_analysis.calibrate`, or `make calibrate`, runs all studies and writes the table.
"""
