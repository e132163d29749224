"""Monte Carlo error rates of the statistics, from fleets with a known truth analysed by the real functions.

plant           fleets with known times, accuracies and noise, as the tables `instances` and `images`
plans           the fleets planted for the claims
claim_rates     for each claim, fleets in which it is false and fleets in which it is true
interval_rates  coverage of intervals and rank sets
compare_rates   the two sides of a comparison
studies         all studies, in order
rates           shares of trials with exact intervals and targets
table           the table in docs/statistics.md

`python -m aiot_analysis.calibrate`, or `make calibrate`, runs all studies and writes the table.
"""
