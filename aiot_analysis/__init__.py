"""Raw logs to tables, statistics, figures, notebooks and reports. Needs no machine learning framework.

    import aiot_analysis
    data = aiot_analysis.load()
    data.results()      # the rows that the pages use, one per device and instance: begin here
    data.images()       # a row for each image: data.images(model="mnasnet", correct=False)
    data.instances      # a row for each run and instance, what is invalid or was measured again among them

`data.results().pivot_table("accuracy", "model", "quantization")` is a mean over devices of valid results, one of each
device and instance. Of `data.instances` it would average invalid rows and earlier runs in.

`load` is all that notebooks need of this level; statistics, figures and reports are in the packages below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiot_analysis.tables.data import Data, load

__all__ = ["Data", "load"]


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> object:
    """Imports pandas only when something is asked for, so that `aiot --help` stays fast."""
    if name in __all__:
        from aiot_analysis.tables import data

        return getattr(data, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
