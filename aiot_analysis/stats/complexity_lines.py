"""The line of latency over complexity on logarithmic axes, and what is off it (Remark 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm, theilslopes

from aiot_analysis.stats.medians import medians
from aiot_analysis.stats.resample import LEVEL

OFF_SCORE = 3.5
"""Beyond this modified z-score a value is an outlier (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers)."""
LEAST_POINTS = 5  # of a line whose outliers are named


def lines(frame: pd.DataFrame, by: Sequence[str] = ("device_id",)) -> pd.DataFrame:
    """The line through log latency over log complexity, of the points of each group of `by`.

    Takes the frame of `complexity.complexity`; `by` is ("device_id",) for one line through all implementations of a
    device, or ("device_id", "implementation"). The line is that of Theil and Sen (Sen 1968, JASA 63;
    scipy.stats.theilslopes): its slope is the median of the slopes of all pairs of points, so that a few points far off
    do not draw it to them. Gives `by`, points, slope with its 95 % interval slope_low and slope_high (1: time is
    proportional to operations; 0: it does not depend on them), intercept (of log2 ms over log2 millions), r_squared
    (squared Pearson correlation of the logs: the share of the variance that goes with complexity) and note, which says
    why a number is missing.
    """
    found = []
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    for key, part in known.groupby(list(by)):
        one = {**dict(zip(by, key, strict=True)), "points": len(part)}
        x, y = np.log2(part["macs_millions"].to_numpy(float)), np.log2(part["latency_ms"].to_numpy(float))
        models = len(set(x))
        if models < 3:
            found.append({**one, "note": f"{models} of at least 3 models: no line"})
            continue
        fit = theilslopes(y, x, LEVEL, method="joint")
        one |= {"slope": fit.slope, "slope_low": fit.low_slope, "slope_high": fit.high_slope}
        one |= {"intercept": fit.intercept, "note": "" if y.std() else "all times are equal"}
        found.append({**one, "r_squared": np.corrcoef(x, y)[0, 1] ** 2 if y.std() else np.nan})
    columns = [*by, "points", "slope", "slope_low", "slope_high", "intercept", "r_squared", "note"]
    return pd.DataFrame(found, columns=columns)


def residuals(frame: pd.DataFrame) -> pd.DataFrame:
    """How far each instance is off the line of its device, and which are off by rule.

    Takes the frame of `complexity.complexity`; gives its rows that have both numbers with line_ms (what the line
    through all implementations of the device says, see `lines`), ratio (latency_ms / line_ms: 2 is twice as long as the
    line says), score (modified z-score: 0.6745 * (r - median) / MAD, with r the logarithm of ratio) and off: "slower"
    or "faster" where the score is beyond OFF_SCORE either way, else "". Score and off are null where a device has fewer
    than LEAST_POINTS points, or more than half of them on the line.
    """
    fits = lines(frame).dropna(subset=["slope"])
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    found = known.merge(fits[["device_id", "points", "slope", "intercept"]], on="device_id")
    found["line_ms"] = 2 ** (found["intercept"] + found["slope"] * np.log2(found["macs_millions"].astype(float)))
    found["ratio"] = found["latency_ms"] / found["line_ms"]
    logs = np.log2(found["ratio"])
    apart = logs - logs.groupby(found["device_id"]).transform("median")
    spread = apart.abs().groupby(found["device_id"]).transform("median")
    spread = spread.where((spread > 1e-9) & (found["points"] >= LEAST_POINTS))
    found["score"] = norm.ppf(0.75) * apart / spread
    found["off"] = _which(found["score"] > OFF_SCORE, found["score"] < -OFF_SCORE, found["score"].notna())
    columns = [
        "device_id",
        "model",
        "implementation",
        "macs_millions",
        "latency_ms",
        "line_ms",
        "ratio",
        "score",
        "off",
    ]
    return found[columns]


def implementations(found: pd.DataFrame) -> pd.DataFrame:
    """How far each implementation of a device is off the device's line as a whole, and which are off by their interval.

    Takes the frame of `residuals`; gives device_id, implementation, models, ratio (median over the models) with
    ratio_low, ratio_high, ratio_min and ratio_max (see `medians`: of six models the interval is their whole range), and
    off: "slower" or "faster" where the whole interval is above or below 1, else "", null without an interval.
    """
    result = medians(found, "ratio", ["device_id", "implementation"], "models")
    low, high = result["ratio_low"], result["ratio_high"]
    return result.assign(off=_which(low > 1, high < 1, low.notna()))


def over_devices(found: pd.DataFrame, by: Sequence[str] = ("implementation", "model")) -> pd.DataFrame:
    """What is off the line on many devices, the furthest first.

    Takes the frame of `residuals`, or that of `implementations` with by=("implementation",). Gives `by`, devices, ratio
    (median over devices) with its interval and range (see `medians`), slower and faster (on how many devices it is off
    by rule), judged (on how many the rule can tell) and named: "slower" or "faster" where it is off that way on at
    least half of those, and the interval of its ratio, or from fewer than 6 devices the ratio, is on that side of 1;
    else "".
    """
    result = medians(found, "ratio", by)
    judged = found.assign(slower=found["off"] == "slower", faster=found["off"] == "faster", judged=found["off"].notna())
    counts = judged.groupby(list(by), sort=False)[["slower", "faster", "judged"]].sum().astype(int).reset_index()
    result = result.merge(counts, on=list(by))
    half = result["judged"].clip(lower=1) / 2
    low, high = (result[f"ratio_{end}"].fillna(result["ratio"]) for end in ("low", "high"))
    slower, faster = (result["slower"] >= half) & (low > 1), (result["faster"] >= half) & (high < 1)
    result["named"] = _which(slower, faster, result["judged"] > 0)
    far = -np.log(result["ratio"]).abs()
    return result.iloc[far.argsort(kind="stable")].reset_index(drop=True)


def _which(slower: pd.Series, faster: pd.Series, known: pd.Series) -> pd.Series:
    words = np.select([slower, faster], ["slower", "faster"], "")
    return pd.Series(words, index=known.index, dtype=object).where(known, None)
