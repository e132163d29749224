"""Devices without Python: running the frameworks' own command-line tools and reading their output.

The text read here comes from devices or from other people: no part of it can exceed a stated limit, and text that
cannot be understood is reported in one sentence. The modules that read it import no other module of the package.
"""
