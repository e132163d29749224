"""Python for devices that have none: glibc, Python, numpy, Pillow and one framework in one archive.

An archive can be unpacked anywhere and runs through its own loader: nothing is installed, no root is needed, and no
library of the system is opened. Recipes (recipes.toml) and their locked versions (lock.json) say what a bundle
contains, `build.build` makes one, and `build.find` finds an existing one.
"""
