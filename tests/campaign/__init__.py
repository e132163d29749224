"""Faults at random moments of runs on real adbd devices, and counts of what the runner gets wrong.

paced     a stand-in framework whose networks take a given time per image
stage     devices, connection and workspace of a try
kinds     the kinds of faults
counting  images lost and doubled, changed attempts, leftovers, tracebacks and wrong statements
tries     single tries from start to findings, and all tries of a campaign
table     the table in docs/devices.md

`python -m tests.campaign`, or `make campaign`, runs all kinds and writes the table.
"""
