"""Python for devices that have none: glibc, Python, numpy, Pillow and one framework in one archive.

An archive is unpacked anywhere and run through its own loader: nothing is installed, no root is needed, and no library
of the system is opened. `build.build` makes one, `build.find` finds it again, `start.command` starts its Python.

recipes.py    what goes into which bundle (recipes.toml), in which versions (lock.json)
debian.py     Debian's packages, through apt
wheels.py     Python's packages, through pip
layout.py     from unpacked packages to the folders of a bundle
elf.py        what a program or library needs of a device; what stands in the way of a bundle
pack.py       a folder as an archive that is the same on every machine
build.py      all of it, once
start.py      the words that start Python on a device
"""
