"""`aiot compare`: what changed between two sides, by how much, and how sure that is.

sources             the sides that words name: a folder, a device, a run, a version, a setting
sides               the rows and runs of a side
matching            which instances of the two sides can be compared, and which cannot and why
times               the ratio of two times with its uncertainty: over images, sessions, devices
accuracy_change     the change in accuracy, image by image
instances           both for every instance, corrected for many comparisons
summaries           by implementation and by model
vips_change         VIPS of both sides
regression          what is worse by more than a margin
in_turn             two settings of one device that took turns, block by block
comparison          everything that is reported of two sides; `interleaved` for settings that took turns
wording             numbers as readers see them
text, markdown, record     for a terminal, a pull request, a program

docs/compare.md has the rules in words.
"""
