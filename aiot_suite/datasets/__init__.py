"""Datasets: the drawn sample set, ImageNet samples, and folders of labelled photographs."""
