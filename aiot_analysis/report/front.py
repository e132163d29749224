"""What the overview found, kept for the front page: the score of each device, and the claims of the six remarks.

The notebook attaches it to its outputs, where no reader sees it, so that the front page has the numbers of the pages
and computes none itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from aiot_analysis.tables.data import Data

KIND = "application/vnd.aiotbench.front.v3+json"  # of the output that holds it; another form is another version
TOP = 10  # devices of a ranking that are shown, as in Table IV


def keep(data: Data, scores: pd.DataFrame, claims: pd.DataFrame, timing: str, interval: str) -> None:
    """Keep the frames of `stats.vips.intervals` and `stats.remarks.verdicts` for the front page.

    `timing` says what times they are of, and `interval` what the intervals of the scores include (see
    `stats.variance.said`).
    """
    from IPython.display import display

    from aiot_analysis.display import claim_tables as of_claims
    from aiot_analysis.tables import names

    kept = {
        "timing": names.display(timing),
        "interval": interval,
        "groups": groups(scores, names.devices(data.devices)),
        "sentence": of_claims.sentence(claims),
        "remarks": remarks(claims),
    }
    display({KIND: kept, "text/plain": "Kept for the front page: scores and claims."}, raw=True)


def groups(scores: pd.DataFrame, devices: dict[str, str]) -> list[dict[str, Any]]:
    """The first devices of each peer group; those of two groups have no common rank.

    A group tells instances, of (how many the score has), missing (ids), size, and rows: rank, device, vips and its
    interval, ranks, ties (letters of its tie groups), note. Devices without any instance of the score are in none.
    """
    found = []
    for _, rows in scores[scores["instances"] > 0].groupby("peer_group"):
        first = rows.iloc[0]
        absent = [one for one in first["missing"].split(", ") if one]
        found.append(
            {
                "instances": int(first["instances"]),
                "of": int(first["instances"]) + len(absent),
                "missing": absent,
                "size": len(rows),
                "rows": [_row(row, devices) for row in rows.head(TOP).to_dict("records")],
            }
        )
    return found


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
    """Return the claims by remark: its number, the name of its page, how many have which verdict, and a row per claim.

    `mark` is that of a remark with any claim that is marked, else "". Nothing rests on the order of keys, which
    notebooks do not keep.
    """
    from aiot_analysis.display import claim_tables as of_claims
    from aiot_analysis.stats.remarks import VERDICTS

    found = []
    for number, rows in claims.groupby("remark"):
        counts = rows["verdict"].value_counts()
        table = of_claims.overview(rows).rename(columns={"effect (95 % interval)": "effect"})
        found.append(
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
    return found


def read(executed: Path) -> dict[str, Any] | None:
    """What an executed notebook kept, or None if it kept nothing or cannot be read."""
    try:
        text = executed.read_text(encoding="utf-8")
        if KIND not in text:
            return None
        outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
        return next((output["data"][KIND] for output in outputs if KIND in output.get("data", {})), None)
    except (OSError, ValueError, KeyError, TypeError):
        return None
