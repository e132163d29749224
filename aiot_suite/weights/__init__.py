"""Weights: their sources, the reading of state dict files, and the sample weights themselves."""
