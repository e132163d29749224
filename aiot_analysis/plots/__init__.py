"""Plots: each function takes a tidy frame of results and returns a matplotlib Figure.

Each figure has a line with the origin of its data and, as its label (`figure.get_label()`), an alternative text
generated from the data. Plots compute no statistics.

    plots.vips.ranking(scores, origin)              # a new figure
    plots.vips.ranking(scores, origin, ax=ax)       # on existing axes: figures of one panel
    plots.shares.time_shares(shares, origin, fig=subfigure)     # on an empty figure or subfigure: any figure
"""

from aiot_analysis import lazy

__getattr__, __dir__ = lazy.modules(__name__, __path__)
