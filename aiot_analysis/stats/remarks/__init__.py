"""The claims of the paper's six remarks (Section V), each judged by the available data.

One module per remark states the claims in the paper's words and the rules by which they are judged; `claim` turns the
results for the parts of a claim into a verdict; `evidence` computes the statistics.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.stats.remarks.accuracy_claims import ACCURACY_CLAIMS, QUANTIZATION_CLAIMS
from aiot_analysis.stats.remarks.claim import PART_COLUMNS, VERDICTS, Claim, rows_of, verdict
from aiot_analysis.stats.remarks.evidence import COLUMNS as IMAGE_COLUMNS
from aiot_analysis.stats.remarks.evidence import Evidence, Images
from aiot_analysis.stats.remarks.speed_claims import COMPLEXITY_CLAIMS, FRAMEWORK_CLAIMS, NNAPI_CLAIMS
from aiot_analysis.stats.remarks.vips_claims import VIPS_CLAIMS
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["CLAIMS", "COLUMNS", "IMAGE_COLUMNS", "VERDICTS", "parts", "verdicts"]

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for claims in (
        ACCURACY_CLAIMS, FRAMEWORK_CLAIMS, NNAPI_CLAIMS, COMPLEXITY_CLAIMS, QUANTIZATION_CLAIMS, VIPS_CLAIMS,
    )
    for claim in claims
}  # fmt: skip
REMARKS = range(1, 7)
ONE_SOURCE = [1, 2]  # remarks that compare frameworks: an agent and a tool never share such a statistic
COLUMNS = [
    "id", "remark", "short", "claim", "verdict", "mark", "why", "reasons", "figures", "comparison",
    "device", "among", "n_devices", "effect", "effect_low", "effect_high", "claimed_low", "claimed_high", "unit",
    "rule", "quote", "source", "notebook",
]  # fmt: skip


def parts(
    instances: pd.DataFrame,
    images: Images,
    timing: str = "end_to_end",
    remarks: Collection[int] = REMARKS,
    seed: int = 0,
    wanted: str | Sequence[str] = names.USABLE,
    run_to_run: float = variance.RUN_TO_RUN,
    ids: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return every comparison that the claims of `remarks` consist of, with its result.

    Takes the table `instances` of one origin; image records with IMAGE_COLUMNS (or parts of them, each with all records
    of its devices: see `evidence.collect`); the timing to use (inference where native tools measured); `wanted`, the
    verdicts that instances may have (see `names.verdicts`); and `run_to_run`, the share of their time within which two
    runs are assumed to agree if a device was not measured in enough sessions (see `variance`). With `ids`, only claims
    with one of these ids are judged.

    Returns one row per claim x comparison, with PART_COLUMNS. state is "as claimed" where the whole interval is in the
    claimed region, "against" where it is outside, else "undecided"; it is "not applicable" where the comparison cannot
    refute the claim and "missing" where there is no number, both with the reason in `why`. All intervals of a claim
    have a joint confidence of 95%.
    """
    paper = select.of_paper(instances)
    judged_rows = paper[paper["verdict"].isin(names.verdicts(wanted))]

    @cache
    def chosen(by_framework: bool) -> pd.DataFrame:
        """Return the measured rows, chosen by framework or for all frameworks together."""
        return select.measured_rows(paper, by_framework=by_framework, wanted=wanted)[0]

    @cache
    def evidence(by_framework: bool) -> Evidence:
        """Return the evidence from the measured rows, shared where both choices are the same."""
        rows = chosen(by_framework)
        if not by_framework and rows.equals(chosen(True)):
            return evidence(True)
        rows = variance.with_noise(rows, judged_rows, select.timing_of(rows, timing), run_to_run)
        return Evidence(rows, images, timing, seed, judged_rows)

    origin = str(instances["origin"].iloc[0]) if len(instances) else ""
    table: list[dict[str, object]] = []
    for claim in CLAIMS.values():
        if claim.remark in remarks and (ids is None or claim.id in ids):
            table += rows_of(claim, claim.find(evidence(claim.remark not in ONE_SOURCE)), origin)
    return pd.DataFrame(table, columns=PART_COLUMNS)


def verdicts(parts: pd.DataFrame) -> pd.DataFrame:
    """Return the table of claims with COLUMNS, one row per claim in the order of their ids (see `claim.verdict`).

    The verdict is "holds", "does not hold", "cannot be decided" or "not applicable", and `mark` is "by construction"
    where simulated data decided it. The effect and its interval are those of the part that decides, which `comparison`
    names; they are null if parts without a number prevent a decision. `figures` states them in words, and `reasons` (a
    tuple) says why parts have no number.
    """
    ids = [claim_id for claim_id in CLAIMS if claim_id in set(parts["id"])]
    return pd.DataFrame(
        [verdict(CLAIMS[claim_id], parts[parts["id"] == claim_id]) for claim_id in ids], columns=COLUMNS
    )
