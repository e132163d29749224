"""Implementation of `aiot compare`: what changed between two sides, by how much, and with what uncertainty.

sides           rows selected by a folder, device, run, version or setting, and their runs and images
matching        which instances of the two sides can be compared, and why others cannot
changes         ratio of two times and change in accuracy, over images, sessions or devices
instances       both changes for every instance, corrected for multiple comparisons, and regressions
comparison      the complete comparison of two sides, with changes by implementation and model, and VIPS
interleaved     the same for a session of `aiot ab`, whose sides were run alternately, block by block
wording         output for a terminal, a pull request and a program

docs/compare.md explains the rules.
"""
