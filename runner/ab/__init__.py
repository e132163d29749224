"""Two settings on one device in turn: an A/B session of short runs, two in each block.

settings    what A and B are, and the instances that both can run
blocks      the balanced order, what the raw logs say of a session, and what is left of it
measure     the short runs themselves, and how long they may take

The runs are ordinary ones of the study "ab". The field `ab` of run.json says where each belongs, and is the only record
of a session. The verdict is `aiot compare --ab`: docs/compare.md.
"""
