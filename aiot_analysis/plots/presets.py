"""Column widths and fonts of publishers, for figures in print."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STYLES = Path(__file__).with_name("styles")
IEEE_WIDTHS = {"single": 3.5, "double": 7.16}
"""Inches: one and two columns, according to "Size Requirements for Graphics" of the IEEE Author Center.

https://ieeeauthorcenter.ieee.org, below Create Your IEEE Article, Create Graphics for Your Article.
"""
ACM_WIDTHS = {"single": 3.33, "double": 7.0}
"""Inches: one and two columns of the LaTeX class acmart with the option sigconf.

Its source sets margins of 54 pt on paper 8.5 in wide, and a gap of 2 pc between columns. With 72.27 pt in an inch, the
text is 8.5 - 2 * 54 / 72.27 = 7.006 in wide, and a column is (7.006 - 24 / 72.27) / 2 = 3.337 in wide.

https://github.com/borisveytsman/acmart/blob/primary/acmart.dtx
"""


@dataclass(frozen=True)
class Preset:
    """The looks of figures that a publisher expects."""

    meaning: str
    widths: dict[str, float]  # inches, by the number of columns: "single" or "double"
    sheet: Path  # style sheet of matplotlib


PRESETS = {
    "ieee": Preset("columns of IEEE, font like Times", IEEE_WIDTHS, STYLES / "serif.mplstyle"),
    "ieee-sans": Preset("columns of IEEE, font like Helvetica", IEEE_WIDTHS, STYLES / "sans.mplstyle"),
    "acm": Preset("columns of ACM, font like Times", ACM_WIDTHS, STYLES / "serif.mplstyle"),
    "acm-sans": Preset("columns of ACM, font like Helvetica", ACM_WIDTHS, STYLES / "sans.mplstyle"),
}
