"""Findings of the pages on published results: one sentence for the title of each figure, as in `findings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.tables import names
from aiot_analysis.words import listed, minus, plural, points

if TYPE_CHECKING:
    from collections.abc import Mapping


def accuracy(accuracies: pd.DataFrame) -> str:
    """Return how far submissions of a network are apart. Takes the frame of `answer_sets.accuracies`."""
    if accuracies.empty:
        return ""
    clauses = []
    for model, rows in accuracies.groupby("model", sort=False):
        spread = 100 * (rows["accuracy"].max() - rows["accuracy"].min())
        clauses.append(f"{spread:.2f} points for {names.display(str(model))} ({plural(len(rows), 'submission')})")
    return f"On all images, accuracies differ by at most {listed(clauses)}."


def disagreement(pairs: pd.DataFrame) -> str:
    """Return how many images two answer sets classify differently. Takes the frame of `answer_sets.pairs`."""
    if pairs.empty:
        return ""
    clauses = [
        f"{100 * rows['differ_share'].min():.1f} to {100 * rows['differ_share'].max():.1f}% of the images for "
        f"{names.display(str(model))}"
        for model, rows in pairs.groupby("model", sort=False)
    ]
    return f"Two different answer sets disagree on {listed(clauses)}."


def pair(pair: pd.DataFrame) -> str:
    """Return how often a sample shows the difference of a pair. Takes a row of `answer_sets.seen_in_samples`."""
    row = pair.dropna(subset="significant")
    if row.empty:
        return ""
    first = row.iloc[0]
    return (
        f"The accuracies differ by {points(abs(first['change']), '{:.2f}')} points on all images; a sample finds a "
        f"significant difference in {100 * first['significant']:.1f}% of cases."
    )


def classes(classes: pd.DataFrame) -> str:
    """Return the least stable class of each network. Takes the frames of `answer_sets.classes`, joined."""
    clauses = []
    for model, rows in classes.groupby("model", sort=False) if len(classes) else ():
        first = rows.nlargest(1, "instability").iloc[0]
        clauses.append(
            f"{first['class_name']} for {names.display(str(model))} ({first['unstable']} of {first['n_images']} images)"
        )
    return f"The least stable class is {listed(clauses)}." if clauses else ""


def samples(spreads: pd.DataFrame, images: int) -> str:
    """Return how much larger the spread of accuracy is in samples than on all `images`. Takes `answer_sets.spreads`."""
    several = spreads[spreads["sets"] > 1] if len(spreads) else spreads
    if several.empty:
        return ""
    rows = several.to_dict("records")
    seen = listed([f"{row['spread']:.1f} points for {names.display(row['model'])}" for row in rows])
    true = listed([f"{row['true_spread']:.2f}" for row in rows])
    return f"{rows[0]['size']} images typically show a spread of {seen}; all {images:,} show {true}."


def complexity(correlation: pd.DataFrame) -> str:
    """Return how far operations order networks by time. Takes the frame of `complexity.rank_correlation`."""
    rho = correlation["rho"].dropna()
    if rho.empty:
        return ""
    ends = minus(f"{rho.min():.2f}"), minus(f"{rho.max():.2f}")
    start = "More operations take longer: " if rho.min() > 0 else ""
    of = "" if start else " of operations and time"
    median = f"Spearman's ρ{of} is {minus(f'{rho.median():.2f}')}"
    if len(rho) == 1:
        return f"{start}{median}."
    return f"{start}{median} ({ends[0]} to {ends[1]}), the median over {len(rho)} combinations of device and runtime."


def runtimes(shares: pd.DataFrame) -> str:
    """Return how often each runtime is the fastest. Takes the frame of `published_speed.runtime_shares`."""
    own = shares[shares["same_jobs_as"] == ""] if len(shares) else shares
    if own.empty:
        return ""
    cases = len(own[["device_id", "model"]].drop_duplicates())
    fastest = own[own["fastest"].astype(bool)]["framework"].value_counts()
    clauses = [f"{names.framework(str(name))} in {count}" for name, count in fastest.items()]
    ties = " (ties count for each)" if fastest.sum() > cases else ""
    return f"Of {plural(cases, 'case')}, the fastest runtime is {listed(clauses)}{ties}."


def integers(versions: pd.DataFrame) -> str:
    """Return speed-up and change in accuracy of each precision. Takes the frame of `published_speed.quantized`."""
    clauses: list[str] = []
    for precision in names.in_order(set(versions["quantization"]), names.PRECISIONS) if len(versions) else ():
        part = versions[versions["quantization"] == precision]
        change, speed_up = points(part["change"].median(), "{:+.1f}"), f"{part['speed_up'].median():.2f}"
        clauses.append(
            f"{precision} {speed_up} times at {change} points"
            if clauses
            else f"{precision} is typically {speed_up} times as fast at {change} points of accuracy"
        )
    return f"Against float, {', '.join(clauses)} (medians over files)." if clauses else ""


def off_npu(jobs: pd.DataFrame) -> str:
    """Return what it costs when the NPU does not run. Takes the drawn rows of `published_speed.off_npu`."""
    times = jobs["times"].dropna() if len(jobs) else pd.Series(dtype=float)
    if times.empty:
        return ""
    if len(times) == 1:
        return f"Without the NPU, the job takes {times.iloc[0]:.1f} times as long."
    return (
        f"Without the NPU, a job typically takes {times.median():.1f} times as long "
        f"({times.min():.1f} to {times.max():.1f}; median of {len(times)} jobs)."
    )


def scores(scores: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Return the first device and how many others may be first. Takes the frame of `published_speed.scores`."""
    if scores.empty:
        return ""
    first = scores.sort_values("rank").iloc[0]
    own = scores[scores["same_jobs_as"] == ""]
    rivals = int((own["rank_low"].fillna(1) == 1).sum()) - 1
    name = labels.get(first["device_id"], first["device_id"])
    doubt = f", but {rivals} {'others' if rivals > 1 else 'other'} may be as fast" if rivals > 0 else ""
    return f"{name} is first with {first['vips']:,.0f} valid images per second{doubt}."


def ranks(ranges: pd.DataFrame) -> str:
    """Return how far ranks depend on the suite. Takes the frame of `published_speed.rank_ranges`."""
    if ranges.empty:
        return ""
    moved = int((ranges["suite_min"] != ranges["suite_max"]).sum())
    most = int((ranges["suite_max"] - ranges["suite_min"]).max())
    return (
        f"With parts of the suite, {moved or 'none'} of {plural(len(ranges), 'device')} "
        f"{'changes' if moved == 1 else 'change'} rank, by at most {plural(most, 'place')}."
    )
