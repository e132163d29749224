"""Python for devices that have none: glibc, Python, numpy, Pillow and one framework in one archive.

An archive can be unpacked anywhere and runs through its own loader: nothing is installed, no root is needed, and no
library of the system is opened. `build.build` makes a bundle, `build.find` finds an existing one, and `start.python_command`
starts its Python.

recipes.py    content of each bundle (recipes.toml) and its versions (lock.json)
debian.py     Debian packages, through apt
wheels.py     Python packages, through pip
layout.py     arranging unpacked packages into the folders of a bundle
elf.py        requirements of programs and libraries, and problems that keep a bundle from running
pack.py       packing a folder into an archive that is the same on every machine
build.py      all of these steps
start.py      the commands that start Python on a device
"""
