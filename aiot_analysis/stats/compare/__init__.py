"""Two sides compared: what changed from a base to the other one, by how much, and how sure that is.

sides          what a side is
matching       which instances of the two can be compared, and which cannot and why
times          the ratio of two times with its uncertainty: of images, of runs, of devices
answers        the change in accuracy, image by image
instances      both for every instance, corrected for many comparisons
summaries      by implementation and by model
score          VIPS of both sides
regression     what is worse by more than a margin

docs/compare.md has the rules in words.
"""
