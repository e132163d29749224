"""Faults provoked at random moments of a run on real adbd devices, and what the runner makes of them.

paced     a stand-in framework whose networks take a given time per image
stage     the devices, the connection and the workspace of a try
kinds     the kinds of faults
counting  images lost and doubled, attempts changed, what is left behind, tracebacks and wrong statements
tries     a try from its start to its findings, and all tries of a campaign
table     the table in docs/devices.md

`python -m tests.campaign`, or `make campaign`, runs all kinds and writes the table.
"""
