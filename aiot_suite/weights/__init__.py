"""Weights: where they come from, how files of state dicts are read, and the sample weights themselves."""
