"""Comparison of a base with another side: what changed, by how much, and how certain that is.

sides          definition of a side
matching       comparable instances of the two, and the others with the reason
times          ratio of two times with its uncertainty: over images, runs or devices
answers        change in accuracy, image by image
instances      times and answers of every instance, corrected for multiple comparisons
summaries      by implementation and by model
score          VIPS of both sides
regression     what is worse by more than a margin

docs/compare.md states the rules in words.
"""
