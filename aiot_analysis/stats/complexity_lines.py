"""Lines of latency over complexity on logarithmic axes, and the points off them (Remark 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm, theilslopes

from aiot_analysis.stats.medians import medians
from aiot_analysis.words import CONFIDENCE

OFF_SCORE = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers).
"""
LEAST_POINTS = 5  # minimum for a line whose outliers are named


def lines(frame: pd.DataFrame, by: Sequence[str] = ("device_id",)) -> pd.DataFrame:
    """Fit a line of log latency over log complexity to the points of each group of `by`.

    Takes the frame of `complexity.complexity`. `by` is ("device_id",) for one line through all implementations of a
    device, or ("device_id", "implementation"). The Theil-Sen line is used (Sen 1968, JASA 63; scipy.stats.theilslopes):
    its slope is the median of the slopes of all pairs of points, so a few distant points have little influence. Returns
    `by`, points, slope with its 95 % interval slope_low and slope_high (1: time is proportional to operations; 0: it
    does not depend on them), intercept (of log2 ms over log2 millions), r_squared (squared Pearson correlation of the
    logs: the share of the variance that complexity explains) and note, which says why a number is missing.
    """
    table = []
    complete = frame.dropna(subset=["macs_millions", "latency_ms"])
    for key, part in complete.groupby(list(by)):
        row = {**dict(zip(by, key, strict=True)), "points": len(part)}
        x, y = np.log2(part["macs_millions"].to_numpy(float)), np.log2(part["latency_ms"].to_numpy(float))
        models = len(set(x))
        if models < 3:
            table.append({**row, "note": f"{models} of at least 3 models: no line"})
            continue
        fit = theilslopes(y, x, CONFIDENCE, method="joint")
        row |= {"slope": fit.slope, "slope_low": fit.low_slope, "slope_high": fit.high_slope}
        row |= {"intercept": fit.intercept, "note": "" if y.std() else "all times are equal"}
        table.append({**row, "r_squared": np.corrcoef(x, y)[0, 1] ** 2 if y.std() else np.nan})
    columns = [*by, "points", "slope", "slope_low", "slope_high", "intercept", "r_squared", "note"]
    return pd.DataFrame(table, columns=columns)


def residuals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how far each instance is off the line of its device, and flag outliers.

    Takes the frame of `complexity.complexity`. Returns its rows that have both numbers, with line_ms (the time
    according to the line through all implementations of the device, see `lines`), ratio (latency_ms / line_ms: 2 is
    twice as long as the line says), score (modified z-score: 0.6745 * (r - median) / MAD, where r is the logarithm of
    ratio) and off: "slower" or "faster" where the score is beyond OFF_SCORE in either direction, else "". score and off
    are null where a device has fewer than LEAST_POINTS points, or more than half of them on the line.
    """
    fits = lines(frame).dropna(subset=["slope"])
    complete = frame.dropna(subset=["macs_millions", "latency_ms"])
    table = complete.merge(fits[["device_id", "points", "slope", "intercept"]], on="device_id")
    table["line_ms"] = 2 ** (table["intercept"] + table["slope"] * np.log2(table["macs_millions"].astype(float)))
    table["ratio"] = table["latency_ms"] / table["line_ms"]
    logs = np.log2(table["ratio"])
    deviations = logs - logs.groupby(table["device_id"]).transform("median")
    spread = deviations.abs().groupby(table["device_id"]).transform("median")
    spread = spread.where((spread > 1e-9) & (table["points"] >= LEAST_POINTS))
    table["score"] = norm.ppf(0.75) * deviations / spread
    table["off"] = _which(table["score"] > OFF_SCORE, table["score"] < -OFF_SCORE, table["score"].notna())
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
    return table[columns]


def implementations(residuals_of_instances: pd.DataFrame) -> pd.DataFrame:
    """Return how far each implementation is off the line of its device, and flag those clearly off it.

    Takes the frame of `residuals`. Returns device_id, implementation, models, ratio (median over the models) with
    ratio_low, ratio_high, ratio_min and ratio_max (see `medians`: with six models the interval is the whole range), and
    off: "slower" or "faster" where the whole interval is above or below 1, else ""; null without an interval.
    """
    result = medians(residuals_of_instances, "ratio", ["device_id", "implementation"], "models")
    low, high = result["ratio_low"], result["ratio_high"]
    return result.assign(off=_which(low > 1, high < 1, low.notna()))


def over_devices(off_line: pd.DataFrame, by: Sequence[str] = ("implementation", "model")) -> pd.DataFrame:
    """Return what is off the line on many devices, the most distant first.

    Takes the frame of `residuals`, or that of `implementations` with by=("implementation",). Returns `by`, devices,
    ratio (median over devices) with its interval and range (see `medians`), slower and faster (number of devices on
    which it is flagged as such), judged (number of devices on which the rule applies) and named: "slower" or "faster"
    where it is off in that direction on at least half of those, and the interval of its ratio (with fewer than 6
    devices, the ratio itself) is on that side of 1; else "".
    """
    result = medians(off_line, "ratio", by)
    judged = off_line.assign(
        slower=off_line["off"] == "slower", faster=off_line["off"] == "faster", judged=off_line["off"].notna()
    )
    counts = judged.groupby(list(by), sort=False)[["slower", "faster", "judged"]].sum().astype(int).reset_index()
    result = result.merge(counts, on=list(by))
    half = result["judged"].clip(lower=1) / 2
    low, high = (result[f"ratio_{end}"].fillna(result["ratio"]) for end in ("low", "high"))
    slower, faster = (result["slower"] >= half) & (low > 1), (result["faster"] >= half) & (high < 1)
    result["named"] = _which(slower, faster, result["judged"] > 0)
    far: pd.Series = -np.log(result["ratio"]).abs()
    return result.iloc[far.argsort(kind="stable")].reset_index(drop=True)


def _which(slower: pd.Series, faster: pd.Series, has_number: pd.Series) -> pd.Series:
    """Return "slower", "faster" or "" for each row, and null where nothing is `has_number`."""
    words = np.select([slower, faster], ["slower", "faster"], "")
    return pd.Series(words, index=has_number.index, dtype=object).where(has_number, None)
