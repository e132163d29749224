"""Claims of the paper's remarks for readers: tables of text, and sentences on verdicts and intervals."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.stats.remarks.claim import FAILS, HOLDS, NOT_APPLICABLE, OPEN, format_effect
from aiot_analysis.words import ALPHA, listed, plural


def sentence(claims: pd.DataFrame) -> str:
    """Return a sentence with the number of claims by verdict and the share of wrong verdicts.

    Takes the frame of `remarks.verdicts`.
    """
    n_claims, n_by_construction = len(claims), int((claims["mark"] != "").sum())
    counts = claims["verdict"].value_counts()
    words = {
        HOLDS: ("holds", "hold"),
        FAILS: ("does not hold", "do not hold"),
        OPEN: (OPEN, OPEN),
        NOT_APPLICABLE: ("is not applicable", "are not applicable"),
    }
    counted = [
        (counts[verdict], plural_form if counts[verdict] > 1 else singular)
        for verdict, (singular, plural_form) in words.items()
        if verdict in counts
    ]
    total = f" of {plural(n_claims, 'claim')}"
    clauses = [f"{count}{'' if place else total} {form}" for place, (count, form) in enumerate(counted)]
    text = f"On these data, {listed(clauses)}."
    if claims["verdict"].isin([HOLDS, FAILS]).any():
        text += f" On average, at most one claim in {1 / ALPHA:.0f} gets a wrong verdict by chance."
    if n_by_construction:
        text += (
            " The data are simulated to match the paper, so these verdicts follow from the simulation and say nothing "
            "about any phone."
        )
    return text


def intervals(rows: pd.DataFrame, whole: bool = False) -> str:
    """Return what the intervals of claims include, for captions. Takes the arguments of `variance.describe_noise`."""
    over = ", and intervals over devices include how devices differ" if rows["device_id"].nunique() > 1 else ""
    words = variance.describe_noise(rows, whole).partition(", including ")[2]
    of_times = f"; intervals of times of one device include {words}{over}" if words else ""
    return f"All intervals of a claim hold jointly at 95%{of_times}"


def doubts(flagged: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Return which intervals of times may be too short, and why. Takes the frame of `blocks.doubts` and its rows."""
    counts = flagged["note"].map(lambda note: str(note).partition(":")[0]).value_counts()
    if counts.empty:
        return ""
    total = f" of {plural(len(rows), 'instance', '{:,}')}"
    reasons = [
        f"{'; for' if place else 'For'} {count:,}{'' if place else total}, {reason}"
        for place, (reason, count) in enumerate(counts.items())
    ]
    return (
        f"{''.join(reasons)}. Their intervals may be too narrow: see the remarks in the table of mean times on the "
        "page [Latency and stability](11_latency#latency_means)."
    )


def overview(claims: pd.DataFrame) -> pd.DataFrame:
    """Return a row per claim: id, verdict, mark, claim, effect with interval (or why there is none), devices, page."""
    effects = _effects(claims)
    return pd.DataFrame(
        {
            **_verdict_columns(claims),
            "claim": claims["claim"],
            "effect (95% interval)": effects.where(effects.notna(), claims["why"].str.rpartition(". ")[2]),
            "devices": claims["n_devices"],
            "page": claims["notebook"].str.replace("_", " "),
        }
    )


def detail(claims: pd.DataFrame) -> pd.DataFrame:
    """Return a row per claim with the paper's words, the findings that decide it, and the rule."""
    return pd.DataFrame(
        {
            **_verdict_columns(claims),
            "claim and quotation from the paper": claims["claim"]
            + " “"
            + claims["quote"]
            + "” ("
            + claims["source"]
            + ")",
            "result": claims["figures"] + ". " + claims["why"] + ".",
            "devices": claims["n_devices"],
            "rule": claims["rule"],
        }
    )


def translated(claims: pd.DataFrame) -> pd.DataFrame:
    """Return a row per translated claim: the paper's words, what was tested here in their place, and the result.

    Takes the frame of `published_claims.verdicts`.
    """
    tested = claims["translation"] != ""
    limits = claims["limits"].where(claims["limits"] == "", claims["limits"] + ".")
    results = claims["figures"] + ". " + claims["why"] + ". " + limits
    return pd.DataFrame(
        {
            "id": claims["id"],
            "verdict": claims["verdict"],
            "claim and quotation from the paper": claims["claim"]
            + " “"
            + claims["quote"]
            + "” ("
            + claims["source"]
            + ")",
            "tested on these data": claims["translation"].where(tested, "nothing: " + claims["why"]),
            "result": results.where(tested, "").str.strip(),
        }
    )


def comparisons(parts: pd.DataFrame) -> pd.DataFrame:
    """Return a row per comparison. Takes the frame of `remarks.parts`."""
    table = parts.assign(found=_effects(parts))
    columns = ["id", "part", "device", "state", "found", "claimed", "n_devices", "why"]
    columns = [column for column in columns if column not in ("device", "why") or (table[column] != "").any()]
    return table[columns].rename(
        columns={"part": "comparison", "n_devices": "devices", "why": "reason without an effect"}
    )


def _verdict_columns(claims: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns id and verdict, and also mark if any claim has one."""
    columns = ["id", "verdict", "mark"] if (claims["mark"] != "").any() else ["id", "verdict"]
    return {column: claims[column] for column in columns}


def _effects(frame: pd.DataFrame) -> pd.Series:
    """Return the effect of each row with its interval as text; null if there is no effect."""
    texts = [
        format_effect(effect, low, high, unit) if effect == effect else None
        for effect, low, high, unit in frame[["effect", "effect_low", "effect_high", "unit"]].itertuples(index=False)
    ]
    return pd.Series(texts, index=frame.index, dtype=object)
