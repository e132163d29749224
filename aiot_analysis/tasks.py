"""The commands `aiot compare` and `aiot plan` as functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiot_analysis.errors import DataError
from aiot_analysis.tables.workspace import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from aiot_analysis.compare.comparison import CompareOptions, Comparison
    from aiot_analysis.display.notebook_page import NotebookPage


def compare_sides(
    a: str,
    b: str,
    processed: str | Path = FOLDER,
    options: CompareOptions | None = None,
    **filters: str | Sequence[str],
) -> Comparison:
    """Compare two devices, runs, software versions or fleets: what changed from A to B, and how surely.

    Parameters
    ----------
    a, b
        A device (id or name), a run (the start of its id), a folder of processed tables, a version like pytorch=2.13,
        a setting like threads=4, or several of these separated by commas (docs/compare.md).
    processed
        Folder of the tables, where a side names none.
    options
        Metrics, timing, verdicts and margins (default: those of `aiot compare`).
    filters
        Values of model, framework, delegate or quantization, one or several in a list.

    Returns
    -------
    A `Comparison`. Its `table` has one row per device and instance, with the change in accuracy, the ratio of the times
    of B and A, their intervals and corrected p-values; `compare.wording.render_text` writes what `aiot compare` prints.

    Raises
    ------
    CompareError
        A side or a filter is unknown, or the two sides have nothing in common.

    Examples
    --------
    >>> devices = aiot_analysis.load(origin="").devices["device_id"]
    >>> change = aiot_analysis.compare_sides(devices[0], devices[1], model="mnasnet")
    >>> change.table[["instance_id", "metric", "base", "other", "change", "low", "high", "verdict"]]
    """
    from aiot_analysis.compare import comparison, sides

    selected = {column: [value] if isinstance(value, str) else value for column, value in filters.items()}
    both_sides = sides.filtered([sides.find(side, Path(processed)) for side in (a, b)], selected)
    return comparison.compare(both_sides, options or comparison.CompareOptions())


def plan(
    page: NotebookPage | None = None, *, time: float = 0.0, accuracy: float = 0.0, vips: float = 0.0
) -> pd.DataFrame:
    """Return how many images, runs and sessions it takes to detect differences in time, accuracy or VIPS.

    Parameters
    ----------
    page
        Data whose noise is used, as returned by `open_page`; by default, the noise is that of built-in constants.
    time, accuracy, vips
        Differences to detect as fractions: 0.03 is 3% of a time or of VIPS, or 3 points of accuracy.

    Returns
    -------
    One row per device and comparison, with images, runs and sessions (see `stats.resolution.needed`).

    Raises
    ------
    DataError
        No difference is given, or one of them is not between 0 and 1.

    Examples
    --------
    >>> aiot_analysis.plan(aiot_analysis.open_page(), time=0.03, accuracy=0.02)
    """
    from aiot_analysis.stats import noise, resolution

    wanted = {resolution.TIME: time, resolution.CORRECT: accuracy, resolution.SCORE: vips}
    differences = {metric: difference for metric, difference in wanted.items() if difference}
    if not differences or not all(0 < difference < 1 for difference in differences.values()):
        raise DataError(
            f"time={time:g}, accuracy={accuracy:g} and vips={vips:g} ask for no difference that can be planned for: "
            "give one as a fraction between 0 and 1, like time=0.03."
        )
    if page is None:
        return resolution.needed(noise.default(), differences)
    records = page.data.image_parts(noise.IMAGE_COLUMNS)
    return resolution.needed(noise.measured(page.rows, records, page.timing), differences)
