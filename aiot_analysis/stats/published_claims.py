"""Claims of the paper translated to published data: what is tested in the claim's place, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.stats.remarks import CLAIMS
from aiot_analysis.stats.remarks.claim import NOT_APPLICABLE, PART_COLUMNS, rows_of, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiot_analysis.stats.remarks.claim import Claim, ClaimPart

COLUMNS = [
    "id", "remark", "short", "claim", "verdict", "mark", "translation", "why", "reasons", "measured", "figures",
    "comparison", "device", "among", "n_devices", "effect", "effect_low", "effect_high", "claimed_low", "claimed_high",
    "unit", "quote", "source", "limits",
]  # fmt: skip


@dataclass(frozen=True)
class TranslatedClaim:
    """A claim of the paper with what is tested in its place, or with the reason why nothing can be.

    The verdict follows from `parts` by the rule of the paper's own claims: see `remarks.claim.verdict`. Without
    parts, the verdict is "not applicable", and `why_not` is the reason.
    """

    id: str  # one of remarks.CLAIMS
    short: str = ""  # what is tested here, in at most eight words; without parts, those of the paper's claim are used
    translation: str = ""  # what is tested here, with the threshold, in words
    parts: Sequence[ClaimPart] = ()
    why_not: str = ""
    unit: str = ""  # of the effect, if it is not the unit of the paper's claim
    needs: str = ""  # how many parts must be as claimed, if not as for the paper's claim
    limits: str = ""  # what the verdict does not show, since the data are not the paper's


def verdicts(claims: Sequence[TranslatedClaim], origin: str = "published") -> pd.DataFrame:
    """Return the table of translated claims with COLUMNS, one row per claim.

    The columns are those of `remarks.verdicts` where they have the same name; `short` says what was tested, or is the
    label of the paper's claim where nothing can be. `translation` states what was tested,
    and is "" where nothing can be; then `why` gives the reason. `limits` states what the verdict does not show.
    """
    return pd.DataFrame([_row(claim, origin) for claim in claims], columns=COLUMNS)


def comparisons(claims: Sequence[TranslatedClaim], origin: str = "published") -> pd.DataFrame:
    """Return every comparison of the translated claims, with the columns of `remarks.parts`."""
    rows = [row for claim in claims for row in rows_of(_paper(claim), claim.parts, origin)]
    return pd.DataFrame(rows, columns=PART_COLUMNS)


def _row(claim: TranslatedClaim, origin: str) -> dict[str, object]:
    paper = _paper(claim)
    parts = pd.DataFrame(rows_of(paper, claim.parts, origin), columns=PART_COLUMNS)
    row = {**verdict(paper, parts), "translation": claim.translation, "limits": claim.limits}
    return row if claim.parts else {**row, "verdict": NOT_APPLICABLE, "why": claim.why_not, "reasons": (claim.why_not,)}


def _paper(claim: TranslatedClaim) -> Claim:
    """Return the paper's claim with the label, the unit and the rule of its translation."""
    paper = CLAIMS[claim.id]
    return replace(
        paper, short=claim.short or paper.short, unit=claim.unit or paper.unit, needs=claim.needs or paper.needs
    )
