"""Looking around in the data in JupyterLab: widgets that choose, and figures and pictures that follow.

    from aiot_analysis.explore import explore, images
    view = explore(data)     # `view.rows` has the rows that are chosen, for an analysis of one's own
    images(data)             # which images flip, with the pictures

- `selection`: what is chosen, as data, and the rows of it
- `panels`: the figures of a selection, and the words in the place of one
- `flips`: the images of a selection that flip, and what was answered to one
- `pickers`: the widgets to choose with, which share one state
- `soon`: several clicks in a row are drawn once
- `explorer`, `viewer`: what `explore` and `images` give
- `contents`: what `data` shows of itself at the end of a cell

Statistics and figures are those of `stats` and `plots`: there are none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiot_analysis.explore.explorer import explore
    from aiot_analysis.explore.viewer import images

__all__ = ["explore", "images"]


def __getattr__(name: str) -> object:
    """Imports widgets and figures only when they are asked for: `data` shows itself without them."""
    if name == "explore":
        from aiot_analysis.explore import explorer

        return explorer.explore
    if name == "images":
        from aiot_analysis.explore import viewer

        return viewer.images
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
