"""Compare two settings on one device: an A/B session alternates short runs, two in each block.

The runs are ordinary runs of the study "ab". The field `ab` of run.json says where each of them belongs, and is the
only record of a session. `aiot compare --ab` shows the verdict: docs/compare.md.
"""
