"""Implementation of `aiot compare`: what changed between two sides, by how much, and with what uncertainty.

sources                 rows selected by a folder, device, run, version or setting
sides                   rows and runs of one side
matching                which instances of the two sides can be compared, and why others cannot
times                   ratio of two times and its uncertainty, over images, sessions or devices
accuracy_change         change in accuracy, image by image
instances               both changes for every instance, corrected for multiple comparisons
summaries               changes by implementation and by model
vips_change             VIPS of both sides
regression              what is worse by more than a margin
in_turn                 two settings of one device that were run alternately, block by block
comparison              the complete comparison of two sides
interleaved             the same for a session of `aiot ab`
wording                 numbers formatted for readers
text, markdown, record  output for a terminal, a pull request and a program

docs/compare.md explains the rules.
"""
