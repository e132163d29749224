"""Figures: a tidy frame that holds the numbers in, a matplotlib Figure out.

Each figure carries a line that says where its data come from and, as its label (`figure.get_label()`), an
alternative text made from the data. Nothing here computes a statistic.
"""
