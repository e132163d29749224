"""Interactive exploration of the data in JupyterLab: widgets for a selection, with figures and pictures that follow it.

    from aiot_analysis.explore import explore, images
    view = explore(data)     # `view.rows` holds the selected rows, for further analysis
    images(data)             # images that flip, with their pictures

- `views`: selections as data, and the figures, images and sentences that show them
- `explorer`: the widgets that `explore` and `images` return

All statistics and figures come from `stats` and `plots`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiot_analysis.explore.explorer import explore, images

__all__ = ["explore", "images"]


def __getattr__(name: str) -> object:
    """Import widgets and figures only when they are used, since `data` is displayed without them."""
    if name == "explore":
        from aiot_analysis.explore import explorer

        return explorer.explore
    if name == "images":
        from aiot_analysis.explore import explorer

        return explorer.images
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
