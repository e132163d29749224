"""Results of the overview, saved for the front page: scores and their finding, and the claims of the six remarks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from aiot_analysis.tables.data import Data

KIND = "application/vnd.aiotbench.front.v4+json"  # MIME type of the output; a new format needs a new version
TOP = 10  # number of devices shown in a ranking, as in Table IV


def keep(data: Data, scores: pd.DataFrame, claims: pd.DataFrame, timing: str, interval: str) -> None:
    """Save the frames of `stats.vips.intervals` and `stats.remarks.verdicts` for the front page.

    `timing` is the kind of times they are based on, and `interval` states what the intervals of the scores include (see
    `stats.variance.describe_noise`).
    """
    from aiot_analysis.display import claim_tables as of_claims
    from aiot_analysis.display import findings
    from aiot_analysis.display.show import display_data
    from aiot_analysis.tables import names

    shown_names = names.devices(data.devices)
    content = {
        "finding": findings.ranking(scores, shown_names),
        "timing": names.display(timing),
        "interval": interval,
        "groups": groups(scores, shown_names),
        "sentence": of_claims.sentence(claims),
        "remarks": remarks(claims),
    }
    display_data({KIND: content, "text/plain": "Saved for the front page: scores and claims."})


def groups(scores: pd.DataFrame, devices: dict[str, str]) -> list[dict[str, Any]]:
    """Return the first devices of each peer group; devices of two groups have no common rank.

    A group has `instances` (how many were measured), `of` (how many the score has), `missing` (ids), `size`, and
    `rows`: rank, device, vips and its interval, ranks, ties (letters of its tie groups), note. Devices without any
    instance of the score are in no group.
    """
    result = []
    for _, rows in scores[scores["instances"] > 0].groupby("peer_group"):
        first = rows.iloc[0]
        absent_ids = [id_ for id_ in first["missing"].split(", ") if id_]
        result.append(
            {
                "instances": int(first["instances"]),
                "of": int(first["instances"]) + len(absent_ids),
                "missing": absent_ids,
                "size": len(rows),
                "rows": [_row(row, devices) for row in rows.head(TOP).to_dict("records")],
            }
        )
    return result


def _row(row: dict[Any, Any], devices: dict[str, str]) -> dict[str, Any]:
    def known(value: Any) -> Any:
        return None if value is None or value != value else value

    ends = [known(row[name]) for name in ("rank_low", "rank_high")]
    ranks = "" if None in ends else "–".join(dict.fromkeys(str(int(end)) for end in ends))
    return {
        "rank": int(row["rank"]),
        "device": devices.get(row["device_id"], row["device_id"]),
        **{name: known(row[name]) for name in ("vips", "vips_low", "vips_high")},
        "ranks": ranks,
        "ties": row["tie_group"],
        "note": known(row["interval_note"]) or "",
    }


def remarks(claims: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the claims by remark: its number, the name of its page, counts of verdicts, and a row per claim.

    `mark` is the mark of a remark with any marked claim, else "". Nothing depends on the order of keys, which notebooks
    do not preserve.
    """
    from aiot_analysis.display import claim_tables as of_claims
    from aiot_analysis.stats.remarks import VERDICTS

    result = []
    for number, rows in claims.groupby("remark"):
        counts = rows["verdict"].value_counts()
        table = of_claims.overview(rows).rename(columns={"effect (95% interval)": "effect"})
        result.append(
            {
                "number": int(str(number)),
                "page": str(rows["notebook"].iloc[0]),
                "mark": max(rows["mark"]),
                "counts": [[verdict, int(counts[verdict])] for verdict in VERDICTS if verdict in counts],
                "claims": table.assign(mark=rows["mark"])[
                    ["id", "verdict", "mark", "claim", "effect", "devices"]
                ].to_dict("records"),
            }
        )
    return result


def read(executed: Path) -> dict[str, Any] | None:
    """Return what an executed notebook saved, or None if it saved nothing or cannot be read."""
    try:
        text = executed.read_text(encoding="utf-8")
        if KIND not in text:
            return None
        outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
        return next((output["data"][KIND] for output in outputs if KIND in output.get("data", {})), None)
    except (OSError, ValueError, KeyError, TypeError):
        return None
