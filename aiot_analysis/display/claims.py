"""The claims of the paper's remarks, for readers: tables of text, and how many of them hold."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.stats.remarks.claim import BUILT, FAILS, HOLDS, OPEN, interval, told


def sentence(claims: pd.DataFrame) -> str:
    """How many claims have which verdict. Takes the frame of `remarks.verdicts`."""
    n = len(claims)
    if (claims["verdict"] == BUILT).any():
        return (
            f"The data are simulated to be as the paper describes: all {n} verdicts are by construction, and say "
            "nothing about any phone. The effects show what was built in."
        )
    counts = claims["verdict"].value_counts()
    words = {HOLDS: ("holds", "hold"), FAILS: ("does not hold", "do not hold"), OPEN: (OPEN, OPEN)}
    listed = [
        f"{counts[one]} {several if counts[one] > 1 else single}"
        for one, (single, several) in words.items()
        if one in counts
    ]
    return f"Of {n} claims, on this data {', '.join(listed)}."


def overview(claims: pd.DataFrame) -> pd.DataFrame:
    """A line a claim: id, verdict, claim, effect with its interval or why there is none, devices, page."""
    effects = _effects(claims)
    return pd.DataFrame(
        {
            "id": claims["id"],
            "verdict": claims["verdict"],
            "claim": claims["claim"],
            "effect (95 % interval)": effects.where(effects.notna(), claims["why"].str.rpartition(". ")[2]),
            "devices": claims["n_devices"],
            "page": claims["notebook"].str.replace("_", " "),
        }
    )


def detail(claims: pd.DataFrame) -> pd.DataFrame:
    """A line a claim, with what decides it, the rule, and the paper's words beside it."""
    return pd.DataFrame(
        {
            "id": claims["id"],
            "verdict": claims["verdict"],
            "claim, and the paper's words": claims["claim"] + " “" + claims["quote"] + "” (" + claims["source"] + ")",
            "what was found": claims["figures"] + ". " + claims["why"] + ".",
            "devices": claims["n_devices"],
            "rule": claims["rule"],
        }
    )


def comparisons(parts: pd.DataFrame) -> pd.DataFrame:
    """A line a comparison. Takes the frame of `remarks.parts`."""
    shown = parts.assign(found=_effects(parts))
    columns = ["id", "part", "device", "state", "found", "claimed", "n_devices", "why"]
    columns = [one for one in columns if one not in ("device", "why") or (shown[one] != "").any()]
    return shown[columns].rename(columns={"part": "comparison", "n_devices": "devices", "why": "why there is none"})


def _effects(frame: pd.DataFrame) -> pd.Series:
    """The effect of each row with its interval in words; null where there is none."""
    found = [
        f"{told(effect, unit)} ({interval(low, high, unit)})" if effect == effect else None
        for effect, low, high, unit in frame[["effect", "effect_low", "effect_high", "unit"]].itertuples(index=False)
    ]
    return pd.Series(found, index=frame.index, dtype=object)
