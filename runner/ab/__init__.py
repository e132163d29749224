"""Compare two settings on one device: an A/B session alternates short runs, two in each block.

settings    what A and B are, and the instances that both can run
blocks      the balanced order, what the raw logs contain of a session, and which blocks remain
plan        both sides with what they can run, and whether an earlier session is continued
measure     the short runs, and how long they are expected to take

The runs are ordinary runs of the study "ab". The field `ab` of run.json says where each of them belongs, and is the
only record of a session. `aiot compare --ab` shows the verdict: docs/compare.md.
"""
