"""Results for other people: files for other tools, and evidence that can be checked.

timed       usable instances with the time of each image, which both tools' files contain
pyperf      one JSON file that `python -m pyperf` reads
asv         a folder that `asv show` and `asv publish` read
crate       an RO-Crate: raw logs, tables, pages, parameters, versions and checksums
unpack      the checks and the unpacking of a crate that somebody else made
cells       comparison of tables, cell by cell
reproduce   tables and pages made again from the raw logs of a crate, and compared with those in it
"""
