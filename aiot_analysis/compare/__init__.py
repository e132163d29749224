"""`aiot compare`: two sides chosen by words, what changed between them, and how it is told.

sides          what words name: a folder, a device, a run, a version, a setting
comparison     everything that is told of two sides
cells          numbers as readers see them
text, markdown, record     for a terminal, a pull request, a program

The numbers are those of aiot_analysis.stats.compare; docs/compare.md has the rules.
"""
