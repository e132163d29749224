"""The claims of the paper's six remarks (Section V), each judged by the data at hand.

A module a remark says what is claimed, in the paper's words, and by which rule it is judged; `claim` turns what was
found for the parts of a claim into a verdict; `evidence` has the statistics.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.stats.remarks import (
    accuracy_claims,
    complexity_claims,
    framework_claims,
    nnapi_claims,
    quantization_claims,
    vips_claims,
)
from aiot_analysis.stats.remarks.claim import PART_COLUMNS, VERDICTS, Claim, rows_of, verdict
from aiot_analysis.stats.remarks.evidence import Evidence
from aiot_analysis.stats.remarks.records import COLUMNS as IMAGE_COLUMNS
from aiot_analysis.stats.remarks.records import Images
from aiot_analysis.tables import select

__all__ = ["CLAIMS", "COLUMNS", "IMAGE_COLUMNS", "VERDICTS", "parts", "verdicts"]

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for module in (accuracy_claims, framework_claims, nnapi_claims, complexity_claims, quantization_claims, vips_claims)
    for claim in module.CLAIMS
}
REMARKS = range(1, 7)
ONE_SOURCE = [1, 2]  # remarks that compare frameworks: an agent and a tool never share such a statistic
COLUMNS = [
    "id", "remark", "claim", "verdict", "mark", "why", "figures", "n_devices", "effect", "effect_low", "effect_high",
    "unit", "rule", "quote", "source", "notebook",
]  # fmt: skip


def parts(
    instances: pd.DataFrame,
    images: Images,
    timing: str = "end_to_end",
    remarks: Collection[int] = REMARKS,
    seed: int = 0,
    wanted: str | Sequence[str] = select.USABLE,
    run_to_run: float = variance.RUN_TO_RUN,
    ids: Collection[str] | None = None,
) -> pd.DataFrame:
    """Every comparison that the claims of some remarks consist of, with what was found for it.

    Takes the table `instances` of one origin, image records with IMAGE_COLUMNS (or parts of them, each with all of its
    devices: see `records.collect`), the timing to use (that of inference where native tools measured), which verdicts
    instances may have (see `select.verdicts`), and within what share of their time two runs are assumed to agree where
    a device was not measured in enough sessions (see `variance`). With `ids`, only the claims that have one of these
    ids are looked at.

    Gives one row per claim x comparison, PART_COLUMNS: state is "as claimed" where the whole interval is in the region
    that is claimed, "against" where it is outside, else "undecided"; "not applicable" where it cannot refute the claim,
    and "missing" where there is no number, both with the reason in `why`. All intervals of a claim keep 95 % together.
    """
    paper = select.of_paper(instances)
    asked = paper[paper["verdict"].isin(select.verdicts(wanted))]

    @cache
    def chosen(by_framework: bool) -> pd.DataFrame:
        return select.measured_rows(paper, by_framework=by_framework, wanted=wanted)[0]

    @cache
    def evidence(by_framework: bool) -> Evidence:
        rows = chosen(by_framework)
        if not by_framework and rows.equals(chosen(True)):
            return evidence(True)
        rows = variance.with_noise(rows, asked, select.timing_of(rows, timing), run_to_run)
        return Evidence(rows, images, timing, seed, asked)

    origin = str(instances["origin"].iloc[0]) if len(instances) else ""
    found: list[dict[str, object]] = []
    for claim in CLAIMS.values():
        if claim.remark in remarks and (ids is None or claim.id in ids):
            found += rows_of(claim, claim.find(evidence(claim.remark not in ONE_SOURCE)), origin)
    return pd.DataFrame(found, columns=PART_COLUMNS)


def verdicts(parts: pd.DataFrame) -> pd.DataFrame:
    """The table of claims, COLUMNS, one row each in the order of their ids: see `claim.verdict`.

    The verdict is "holds", "does not hold", "cannot be decided" or "not applicable", and `mark` is "by construction"
    where simulated data decided it. The effect with its interval is that of the part that decides, and `figures` has
    it in words.
    """
    ids = [one for one in CLAIMS if one in set(parts["id"])]
    return pd.DataFrame([verdict(CLAIMS[one], parts[parts["id"] == one]) for one in ids], columns=COLUMNS)
