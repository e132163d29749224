"""Findings for the titles of figures: one sentence each, computed from the frame that is drawn.

Every function returns "" if there is nothing to report. An order is only stated where intervals support it, and by the
estimates alone where there are no intervals.
"""

from __future__ import annotations

from itertools import groupby
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aiot_analysis.display import majority
from aiot_analysis.display.majority import CLEARLY, implementations, networks
from aiot_analysis.plots import device_axis
from aiot_analysis.stats import drift
from aiot_analysis.stats import shares as shares_stats
from aiot_analysis.tables import along, names, paper
from aiot_analysis.words import ALPHA, estimate, listed, minus, plural, points, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NUMBERS = {3: "three", 4: "four"}  # of networks that are too few for a test


def _largest(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return the row with the largest value of a column."""
    row: pd.Series = frame.sort_values(column, ascending=False, kind="stable").iloc[0]
    return row


def _states(faster: pd.DataFrame, panel: Sequence[str]) -> pd.DataFrame:
    """Return whether each device is "faster" or "slower" within each panel, or "" if the interval includes 1."""
    rows = faster.dropna(subset="speed_up")
    low, high = (rows[end].fillna(rows["speed_up"]) for end in shares_stats.SPEED_UP[1:])
    return rows[[*panel, "device_id"]].assign(leader=np.select([low > 1, high < 1], ["faster", "slower"], ""))


def _on_device(rows: pd.DataFrame, row: pd.Series, labels: Mapping[str, str]) -> str:
    """Return the device of a row as text, such as " on Samsung Galaxy S20"; "" if `rows` are of a single device."""
    if rows["device_id"].nunique() < 2:
        return ""
    return f" on {labels.get(row['device_id'], row['device_id'])}"


def frameworks(faster: pd.DataFrame) -> str:
    """Return which framework is the fastest for which networks. Takes the speed-ups over TFLite CPU (Fig. 5)."""
    speeds = shares_stats.with_base(faster, ["model"], "implementation", "tflite_cpu")
    leads = majority.leads(shares_stats.leaders(speeds, ["model"], "implementation"), "model")
    parts = names.in_order(set(speeds["implementation"]), names.IMPLEMENTATIONS)
    devices = majority.everywhere(leads)
    return sentence(
        majority.clause(leads, parts, "framework", networks, everywhere=bool(devices)) + majority.all_devices(devices)
    )


def nnapi(faster: pd.DataFrame) -> str:
    """Return which networks NNAPI makes faster or slower. Takes the speed-ups over TFLite CPU (Fig. 6)."""
    states = _states(faster, ["model"])
    if states.empty:
        return ""
    leads = majority.leads(states, "model")
    clauses: list[str] = []
    verbs = {"faster": "speeds up", "slower": "slows down"}
    for state, group in groupby((lead for lead in leads if lead.leader), key=lambda lead: lead.leader):
        places: list[str] = []
        for lead in group:
            places.append(
                f"{networks(lead.panels)}{majority.on_devices(lead.devices, lead.total, bool(clauses or places))}"
            )
        clauses.append(f"{verbs[state]} {' and '.join(places)}")
    text = f"NNAPI clearly {listed(clauses)}" if clauses else ""
    for lead in leads:
        if not lead.leader:
            where = networks(lead.panels)
            most = " on most devices" if lead.total > 1 else ""
            text = (
                f"{text}; for {where}, neither{most.removesuffix(' devices')}"
                if text
                else f"NNAPI makes no clear difference for {where}{most}"
            )
    return f"{text}."


def models(faster: pd.DataFrame, shares: pd.DataFrame | None = None) -> str:
    """Return the fastest network of each implementation. Takes the speed-ups over ResNet50 (Fig. 7).

    If ResNet50 was not timed, there are no speed-ups; then the order is that of the mean times, `time_ms` of `shares`.
    """
    speeds, form = shares_stats.with_base(faster, ["implementation"], "model", "resnet50"), f"{CLEARLY}{{}}"
    if speeds.empty and shares is not None:
        timed = shares.dropna(subset="time_ms")
        speeds = timed.assign(speed_up=1 / timed["time_ms"].astype(float), speed_up_low=np.nan, speed_up_high=np.nan)
        form = "{} by mean time"
    leads = majority.leads(shares_stats.leaders(speeds, ["implementation"], "model"), "implementation")
    parts = names.in_order(set(speeds["model"]), names.MODELS)
    return sentence(majority.clause(leads, parts, "network", implementations, "with", form))


def quantizations(faster: pd.DataFrame) -> str:
    """Return which version is the fastest for which networks. Takes the speed-ups over float32 (Fig. 9)."""
    speeds = shares_stats.with_base(faster, ["model", "delegate"], "quantization", "float32")
    parts = names.in_order(set(speeds["quantization"]), names.QUANTIZATIONS)
    leads: dict[str, list[majority.Lead]] = {}
    for delegate, where in (("cpu", "on the CPU"), ("nnapi", "with NNAPI")):
        leaders = shares_stats.leaders(speeds[speeds["delegate"] == delegate], ["model"], "quantization")
        if len(leaders):
            leads[where] = majority.leads(leaders, "model")
    devices = majority.everywhere([lead for of_delegate in leads.values() for lead in of_delegate])
    clauses: list[str] = []
    for where, of_delegate in leads.items():
        has_verb = any(f" is {CLEARLY}the fastest" in clause for clause in clauses)
        text = majority.clause(of_delegate, parts, "version", networks, everywhere=bool(devices), verb=not has_verb)
        clauses.append(f"{where}, {text}")
    return sentence("; ".join(clauses) + majority.all_devices(devices))


def speed_ups(faster: pd.DataFrame, over: pd.DataFrame, base: str, part: str) -> str:
    """Return which parts are faster or slower than `base`, by the intervals of their means over devices.

    Takes the frames of `shares.speed_ups` and `latency.over_devices`, and the column with the parts.
    """
    drawn = faster.dropna(subset="speed_up")
    n = drawn["device_id"].nunique()
    rows = over if n > 1 else drawn
    if over.empty or rows.empty:
        return ""
    low, high = (rows[end].fillna(rows["speed_up"]) for end in shares_stats.SPEED_UP[1:])
    states = pd.Series(np.select([low > 1, high < 1], ["faster", "slower"], ""), index=rows.index)
    panels, link = ("implementation", "with") if part == "model" else ("network", "for")
    depending = f"depending on the {panels}"
    if "delegate" in rows and rows["delegate"].nunique() > 1:
        panels, link, depending = "case", "in", "depending on network and delegate"
    kinds: dict[tuple[str, int], list[str]] = {}
    order = [*names.IMPLEMENTATIONS, *names.QUANTIZATIONS, *names.MODELS]
    for name in names.in_order(set(rows[part]), order):
        of_part = states[rows[part] == name]
        kinds.setdefault((_kind(set(of_part)), len(of_part)), []).append(str(name))
    clauses: list[str] = []
    for (kind, count), members in sorted(kinds.items(), key=lambda item: KINDS.index(item[0][0])):
        subject = networks(members) if part == "model" else listed([names.display(name) for name in members])
        first = not clauses
        than, clearly = (f" than {base}", CLEARLY) if first else ("", "")
        number = "both" if count == 2 else f"all {count}"
        everywhere = f" {link} {number}{f' {panels}s' if first else ''}" if count > 1 else ""
        words = {
            "faster": f"{clearly}faster{than}{everywhere}",
            "slower": f"{clearly}slower{than}{everywhere}",
            "either": f"{'faster or slower' if first else 'either'}{than}, {depending}",
            "partly faster": f"{clearly}faster{than} {link} some {panels}s, slower {link} none",
            "partly slower": f"{clearly}slower{than} {link} some {panels}s, faster {link} none",
            "alike": f"neither clearly faster nor slower{than}",
        }[kind]
        verb = "" if not first else " is" if len(members) == 1 else " are"
        clauses.append(f"{subject}{verb} {words}")
    ends = dict.fromkeys(f"{value:.2f}" for value in (rows["speed_up"].min(), rows["speed_up"].max()))
    size = f": {' to '.join(ends)} times as fast" if rows[part].nunique() == 1 else ""
    means = f" (means over {n} devices)" if n > 1 else ""
    return sentence(f"{'; '.join(clauses)}{size}{means}")


KINDS = ("faster", "slower", "either", "partly faster", "partly slower", "alike")


def _kind(states: set[str]) -> str:
    """Return what several comparisons say together, one of KINDS. Each is "faster", "slower" or undecided, ""."""
    if states >= {"faster", "slower"}:
        return "either"
    decided = next(iter(states - {""}), "")
    if not decided:
        return "alike"
    return f"partly {decided}" if "" in states else decided


def _combination(instance_id: object) -> str:
    """Return the network and the implementation of an instance as text, and its quantization unless it is float32."""
    return names.instance_display(str(instance_id)).removesuffix(", float32")


def accuracy(rows: pd.DataFrame, spread: pd.DataFrame) -> str:
    """Return how much the accuracy of an instance differs between devices or, for one device, between its instances.

    Takes the drawn rows with their accuracy (Fig. 4), and the frame of `agreement.cochran` for the same instances.
    """
    drawn = rows.dropna(subset="accuracy")
    if drawn.empty:
        return ""
    tested = spread.dropna(subset="p_adjusted")
    if tested.empty:
        return _accuracies(drawn)
    sure = tested[tested["p_adjusted"] < ALPHA]
    combinations = plural(len(tested), "combination")
    shown = sure if len(sure) else tested
    widest = _largest(shown.assign(range=shown["accuracy_max"] - shown["accuracy_min"]), "range")
    size = f"by up to {points(widest['range'])} points ({_combination(widest['instance_id'])})"
    if sure.empty:
        return (
            f"Accuracy varies between devices {size}, but significantly for none of {combinations} of network and "
            "framework."
        )
    return (
        f"Accuracy differs significantly between devices for {len(sure)} of {combinations} of network and framework, "
        f"{size}."
    )


def _accuracies(drawn: pd.DataFrame) -> str:
    """Return the lowest and the highest accuracy, and for which networks all implementations have the same one."""
    parts = [names.instance(str(instance)) for instance in drawn["instance_id"]]
    rows = drawn.assign(model=[part.model for part in parts], way=[part.implementation for part in parts])
    low, high = rows["accuracy"].min(), rows["accuracy"].max()
    if low == high and len(rows) > 1:
        return f"All {len(rows)} accuracies are {points(low)}%."
    on_device = rows.groupby(["model", "device_id"])["accuracy"].agg(["min", "max", "size"])
    equal = on_device.assign(equal=on_device["min"] == on_device["max"], several=on_device["size"] > 1)
    by_model = equal.groupby("model").agg({"equal": "all", "several": "any"})
    alike = {str(model) for model in by_model.index[by_model["equal"] & by_model["several"]]}
    ends = [f"{points(value)}% ({_ends(rows, value, alike)})" for value in (low, high)]
    if len(rows) == 1:
        return f"Accuracy is {ends[0]}."
    text = f"Accuracy ranges from {' to '.join(ends)}"
    if not alike:
        return f"{text}."
    ways = {frozenset(part["way"]) for model, part in rows.groupby("model") if model in alike}
    who = implementations(sorted(next(iter(ways)))) if len(ways) == 1 else "all implementations"
    return f"{text}; {who} give the same accuracy for {networks(sorted(alike))}."


def _ends(rows: pd.DataFrame, value: float, alike: set[str]) -> str:
    """Return the combinations with an accuracy; only their networks where all implementations have the same one."""
    texts = []
    for model, part in rows[rows["accuracy"] == value].groupby("model", sort=False):
        ways = "" if model in alike else f", {implementations(list(part['way'].unique()))}"
        texts.append(f"{names.display(str(model))}{ways}")
    return "; ".join(texts)


def agreement(spread: pd.DataFrame, unstable: pd.DataFrame) -> str:
    """Return for how many instances devices differ by more than chance, and how often two devices disagree.

    Takes the frames of `agreement.cochran` and `agreement.instability`.
    """
    tested, compared = spread.dropna(subset="p_adjusted"), unstable.dropna(subset="disagreement")
    if tested.empty or compared.empty:
        return ""
    sure = int((tested["p_adjusted"] < ALPHA).sum())
    low, high = (f"{100 * value:.1f}" for value in (compared["disagreement"].min(), compared["disagreement"].max()))
    return (
        f"The accuracy of devices differs by more than chance for {sure or 'none'} of "
        f"{plural(len(tested), 'instance')}; two devices disagree on {low if low == high else f'{low} to {high}'}% of "
        "the images."
    )


def reference(versus: pd.DataFrame, base: str) -> str:
    """Return how many accuracies differ from those of the reference device. Takes `agreement.compare_with`."""
    if not base or versus.empty:
        return ""
    sure = versus[versus["p_adjusted"] < ALPHA]
    comparisons = plural(len(versus), "comparison", "{:,}")
    if sure.empty:
        return f"None of {comparisons} shows a significant difference in accuracy from the reference."
    ends = points(sure["change"].min(), "{:+.1f}"), points(sure["change"].max(), "{:+.1f}")
    size = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    return f"Accuracy differs significantly from the reference in {len(sure)} of {comparisons}, by {size} points."


def quantized_accuracy(changes: pd.DataFrame) -> str:
    """Return which versions cost accuracy on most devices, the largest loss first.

    Takes the frame of `tradeoff.tradeoff` (Fig. 8). On a device, a version costs accuracy if it does with each of its
    delegates.
    """
    versions = changes[changes["quantization"] != "float32"].dropna(subset="change")
    if versions.empty:
        return ""
    n = versions["device_id"].nunique()
    lost = -versions.groupby(["quantization", "model"])["change"].median()
    worse = versions["change_high"].fillna(versions["change"]) < 0
    by_device = worse.groupby([versions["quantization"], versions["model"], versions["device_id"]]).all()
    costly = by_device.groupby(level=["quantization", "model"]).mean() > 0.5
    clauses: list[str] = []
    for quantization in lost[costly].groupby(level="quantization").max().sort_values(ascending=False).index:
        of = [str(model) for version, model in costly[costly].index if version == quantization]
        sizes = lost[quantization][of]
        ends = dict.fromkeys((points(sizes.min()), points(sizes.max())))
        unit = "" if clauses else " points of accuracy"
        of_version = by_device[quantization]
        together = of_version[of_version.index.isin(of, level="model")].groupby(level="device_id").all()
        where = "" if together.all() else majority.on_devices(int(together.sum()), len(together))
        clauses.append(f"{names.display(str(quantization))} costs {networks(of)} {' to '.join(ends)}{unit}{where}")
    medians = f" (medians over {n} devices)" if n > 1 else ""
    if clauses:
        return sentence(", ".join(clauses) + medians)
    text = "No quantized version is significantly less accurate than float32" + (" on most devices" if n > 1 else "")
    if lost.max() <= 0:
        return f"{text}."
    widest = _largest(lost.reset_index(), "change")
    which = f"{names.display(str(widest['model']))}, {names.display(str(widest['quantization']))}"
    which += f", median over {n} devices" if n > 1 else ""
    return f"{text}; the largest loss is {points(lost.max())} points ({which})."


def mean_times(rows: pd.DataFrame, value: str = "mean_ms") -> str:
    """Return the instances with the lowest and the highest mean time, by the median over devices."""
    drawn = rows.dropna(subset=value)
    if drawn.empty:
        return ""
    medians = drawn.groupby("instance_id", observed=True)[value].median().sort_values()
    n = drawn["device_id"].nunique()
    is_complete = drawn.groupby("instance_id", observed=True)["device_id"].nunique().eq(n).all()
    where = f" (medians over {'' if is_complete else 'up to '}{n} devices)" if n > 1 else ""
    first, last = (
        f"{milliseconds(medians.iloc[place])} for {names.instance_display(str(medians.index[place]))}"
        for place in (0, -1)
    )
    if len(medians) == 1:
        return f"An image takes {first}{where}."
    return f"An image takes from {first} to {last}{where}."


def milliseconds(value: float) -> str:
    """Return a time with three significant digits and without an exponent, such as "1,330 ms"."""
    return estimate(value, form="{:.6f} ms")


def tradeoff(changes: pd.DataFrame) -> str:
    """Return how often each version is on the Pareto front. Takes the frame of `tradeoff.tradeoff`."""
    judged = changes.dropna(subset="pareto")
    if judged.empty:
        return ""
    counts = judged["pareto"].astype(bool).groupby(judged["quantization"]).agg(["sum", "size"])
    shares = counts["sum"] / counts["size"]
    by_share: dict[tuple[float, int], list[str]] = {}
    for name in names.in_order(set(counts.index), names.QUANTIZATIONS):
        by_share.setdefault((float(shares[name]), int(counts["size"][name])), []).append(str(name))
    totals = counts["size"].nunique()
    cases: dict[str, str] = {}
    for (share, total), members in sorted(by_share.items(), reverse=True):
        count = int(counts["sum"][members[0]])
        noun = "" if cases else " cases"
        number = f"{count:,}" if cases and totals == 1 else f"{count:,} of {total:,}"
        number = f"all {total:,}" if share == 1 and total > 1 else number if share else "none"
        cases[listed([names.display(name) for name in members])] = number + noun
    (first, most), *others = cases.items()
    verb = "are" if " and " in first else "is"
    if len(others) < 3 or " all " in f" {most}":
        text = f"{first} {verb} on the Pareto front in {most}"
        return sentence(", ".join([text, *(f"{name} in {number}" for name, number in others)]))
    last, least = others[-1]
    return sentence(f"{first} {verb} most often on the Pareto front ({most}), {last} least often ({least})")


def ranking(
    scores: pd.DataFrame, labels: Mapping[str, str], unit: str = " VIPS", of: str = "float32 instances", note: str = ""
) -> str:
    """Return the first device and how many others may be first. Takes the frame of `vips.intervals`.

    `of` names the instances that the score sums up. They are counted, except for VIPS over all of them, whose name says
    enough. `note` follows at the end.
    """
    scored = scores[scores["instances"] > 0]
    if scored.empty:
        return ""
    group = scored[scored["peer_group"] == scored["peer_group"].iloc[0]]
    first = group.iloc[0]
    name = labels.get(first["device_id"], first["device_id"])
    name = f"Device {name}" if name == first["device_id"] else name
    value, low, high = first[["vips", "vips_low", "vips_high"]].astype(float)
    score = estimate(value, low, high, f"{{:.2f}}{unit}") + _summed(first, of, unit)
    end = f"; {note}." if note else "."
    if len(group) == 1:
        alone = "" if len(scored) == 1 else "; no other device ran the same instances under the same conditions"
        return f"{name} scores {score}{alone}{end}"
    among = plural(len(group), "device") if len(group) == len(scored) else f"{len(group)} comparable devices"
    if pd.isna(first.get("rank_low")):
        return f"{name} has the highest estimate of {among}, {score}; without intervals, the order is uncertain{end}"
    rivals = int((group["rank_low"].fillna(1) == 1).sum()) - 1
    doubt = "" if not rivals else (f", but {rivals} {'others' if rivals > 1 else 'other'} may be as high")
    return f"{name} is first of {among} with {score}{doubt}{end}"


def _summed(row: pd.Series, of: str, unit: str) -> str:
    """Return the instances that a score sums up, such as " over 6 of the 24 float32 instances"; "" for all of VIPS."""
    counted = int(row["instances"])
    missing = len([name for name in str(row["missing"]).split(", ") if name])
    if missing:
        return f" over {counted} of the {counted + missing} {of}"
    return "" if unit else f" over the {counted} {of}"


def contributions(parts: pd.DataFrame) -> str:
    """Return the network that contributes most to the scores. Takes the frame of `vips.contributions`."""
    drawn = parts.dropna(subset="share")
    if drawn.empty:
        return ""
    by_model = drawn.groupby(["device_id", "model"])["share"].sum().groupby("model").median().sort_values()
    n = drawn["device_id"].nunique()
    where = f" in the median of {n} devices" if n > 1 else ""
    first, last = by_model.index[-1], by_model.index[0]
    text = f"{names.display(str(first))} contributes {100 * by_model.iloc[-1]:.0f}% of the score"
    other = f", {names.display(str(last))} {100 * by_model.iloc[0]:.0f}%" if len(by_model) > 1 else ""
    return f"{text}{other}{where}."


def timings(both: pd.DataFrame) -> str:
    """Return how scores and ranks change with inference alone. Takes the frame of `vips_sensitivity.timings`."""
    compared = both.dropna(subset=["vips_end_to_end", "vips_inference"])
    if compared.empty:
        return ""
    ratio = (compared["vips_inference"] / compared["vips_end_to_end"]).median()
    text = f"By inference alone, the score is {ratio:.2f} times as high"
    if len(compared) == 1:
        return f"{text}."
    moved = int((compared["rank_change"].fillna(0) != 0).sum())
    ranked = int(compared["rank_change"].notna().sum())
    ranks = f", and {moved or 'none'} of {ranked} {'changes' if moved == 1 else 'change'} rank" if ranked else ""
    return f"{text} in the median of {len(compared)} devices{ranks}."


def weights(without: pd.DataFrame) -> str:
    """Return the instance that matters most to the score. Takes the frame of `vips_sensitivity.by_instance`."""
    if without.empty:
        return ""
    largest_group = without.groupby("peer_group")["devices"].max().idxmax()
    group = without[without["peer_group"] == largest_group]
    first = _largest(group, "share_median")
    n = int(first["devices"])
    text = (
        f"{_combination(first['instance_id'])} has the largest share of the score, {100 * first['share_median']:.0f}%"
    )
    if n == 1:
        return f"{text}."
    moves = group["moved"].dropna()
    most = (
        f"; removing any one instance changes the rank of at most {int(moves.max())} of {n} devices"
        if len(moves)
        else ""
    )
    return f"{text} in the median of {n} devices{most}."


def devices(table: pd.DataFrame) -> str:
    """Return how many devices there are, of which makers, chips and systems, as far as the table `devices` has them."""
    if table.empty:
        return ""
    if len(table) == 1:
        [name] = names.devices(table).values()
        row = table.iloc[0].dropna().to_dict()
        values = [
            str(row.get("soc", "")),
            plural(int(row["cores"]), "core") if "cores" in row else "",
            f"{row['ram_gb']:g} GB of memory" if "ram_gb" in row else "",
            " ".join(str(row[key]) for key in ("os", "os_version") if key in row),
        ]
        return f"One device: {', '.join(filter(None, [name, *values]))}."
    makers = table["maker"].nunique()
    vendors = table["soc"].dropna().map(names.soc_vendor)
    stated = [name for name in vendors.value_counts().index if name != names.OTHER_VENDOR]
    others = ["others"] if len(stated) < vendors.nunique() or table["soc"].isna().any() else []
    chips = f" with chips of {listed([*stated, *others])}" if stated else ""
    of_makers = f" of {plural(makers, 'maker')}" if makers else ""
    systems = [f", {_system(str(system), rows['os_version'])}" for system, rows in table.groupby("os")]
    text = f"{len(table)} devices{of_makers}{chips}{''.join(systems)}"
    phones, in_paper = table["paper_id"].nunique(), len(paper.devices())
    if phones:
        counted = (
            f"all {in_paper} phones of the paper"
            if phones == in_paper
            else f"{phones} of the paper's {in_paper} phones"
        )
        text += f"; {counted} {'is' if phones == 1 else 'are'} among them"
    return f"{text}."


def _system(system: str, versions: pd.Series) -> str:
    """Return a system with the range of its versions if they are numbers, such as "Android 6 to 10"."""
    numbers = pd.to_numeric(versions, errors="coerce")
    if numbers.isna().any():
        return system
    return f"{system} {' to '.join(dict.fromkeys(f'{end:g}' for end in (numbers.min(), numbers.max())))}"


def coverage(instances: pd.DataFrame) -> str:
    """Return how many of the paper's 60 instances are usable on each device. Takes rows of the table `instances`."""
    of_paper = instances[instances["instance_id"].isin(names.PAPER)]
    if of_paper.empty:
        return ""
    usable = of_paper[of_paper["verdict"].isin(names.USABLE)]
    counts = usable.groupby("device_id")["instance_id"].nunique().reindex(of_paper["device_id"].unique(), fill_value=0)
    total, n = len(names.PAPER), len(counts)
    low, high = int(counts.min()), int(counts.max())
    size = str(low) if low == high else f"{low} to {high}"
    where = "" if n == 1 else f" on each of {n} devices"
    return f"{size} of the paper's {total} instances have usable numbers{where}."


def phases(means: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Return how much of the time per image is inference. Takes the frame of `latency.phases` and device names."""
    drawn = means.dropna(subset="mean_ms")
    key = ["device_id", "instance_id"]
    total = drawn.groupby(key, observed=True)["mean_ms"].sum()
    inference = drawn[drawn["phase"] == "inference_ms"].groupby(key, observed=True)["mean_ms"].sum()
    share = (inference / total[total > 0]).dropna()
    if share.empty:
        return ""
    if len(share) == 1:
        return f"Inference takes {100 * share.iloc[0]:.0f}% of the time of an image."
    shares = share.sort_values(kind="stable").reset_index()
    lowest = shares.iloc[0]
    instance = names.instance_display(str(lowest["instance_id"])) + _on_device(shares, lowest, labels)
    return (
        f"Inference takes {100 * share.median():.0f}% of the time of an image in the median of "
        f"{plural(len(share), 'instance', '{:,}')}, but only {100 * share.min():.0f}% for {instance}."
    )


def tails(times: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Return how long the slowest images take, and the first ones of a few devices, which the figure shows only then.

    Takes the frame of `latency.summary` and the names of devices.
    """
    drawn = times.dropna(subset="tail")
    if drawn.empty:
        return ""
    first = (drawn["first_ms"] / drawn["median_ms"]).dropna()
    if drawn["device_id"].nunique() > device_axis.FEW:
        first = first.head(0)
    ends = dict.fromkeys(f"{value:.2f}" for value in (first.min(), first.max())) if len(first) else {}
    start = f"The first image takes {' to '.join(ends)} times the median time, and one" if ends else "One image"
    several = len(drawn) > 1
    least = f"at least {drawn['tail'].median():.2f} times{'' if ends else ' the median time'}"
    text = f"{start} in a hundred{' typically' if several else ''}{'' if ends else ' takes'} {least}"
    if not several:
        return f"{text}."
    longest = _largest(drawn, "tail")
    instance = names.instance_display(str(longest["instance_id"]))
    return f"{text} ({longest['tail']:.2f} for {instance}{_on_device(drawn, longest, labels)})."


def stability(scores: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Return for how many instances the speed varies within the run. Takes `along.scores` and the names of devices."""
    judged = scores.dropna(subset="stability")
    if judged.empty:
        return ""
    is_unstable = judged["steadiness"] == along.STEADINESS[1]
    unstable = judged[is_unstable].sort_values("stability", kind="stable")
    text = (
        f"Within the run, the speed of {f'{len(unstable):,}' if len(unstable) else 'none'} of "
        f"{plural(len(judged), 'instance', '{:,}')} varies by over {100 * (1 - along.STABLE):.0f}%, beyond chance"
    )
    if unstable.empty:
        return f"{text}."
    worst = unstable.iloc[0]
    instance = names.instance_display(str(worst["instance_id"]))
    where = _on_device(judged, worst, labels)
    return f"{text}, and drops to {100 * worst['stability']:.0f}% at worst ({instance}{where})."


def drifts(tests: pd.DataFrame, material: float) -> str:
    """Return how many instances became slower or faster over the whole run, by at least `material`, a fraction of 1.

    Takes the frame of `drift.drifts`.
    """
    tested = tests[tests["gap"] == ""]
    if tested.empty:
        return ""
    slower, faster = (int((tested["finding"] == finding).sum()) for finding in (drift.SLOWER, drift.FASTER))
    size = f"{100 * material:g}%"
    total = plural(len(tested), "instance", "{:,}")
    if not slower + faster:
        return f"Over the whole run, none of {total} became slower or faster by {size} or more."
    return (
        f"Over the whole run, {f'{slower:,}' if slower else 'none'} of {total} became slower by {size} or more, and "
        f"{f'{faster:,}' if faster else 'none'} faster."
    )


def slowdown(bursts: pd.DataFrame, burst: str) -> str:
    """Return how many instances are slower after the burst, such as "first 50 images". Takes `drift.bursts`."""
    compared = bursts.dropna(subset=["slowdown_low", "slowdown_high"])
    if compared.empty:
        return ""
    slower, faster = (
        compared.loc[mask, "slowdown"] for mask in (compared["slowdown_low"] > 1, compared["slowdown_high"] < 1)
    )
    sizes = [
        f", by {'up to ' if len(changes) > 1 else ''}{100 * (changes - 1).abs().max():.1f}%" if len(changes) else ""
        for changes in (slower, faster)
    ]
    return (
        f"After the {burst}, {len(slower) or 'none'} of {plural(len(compared), 'instance', '{:,}')} "
        f"{'is' if len(slower) == 1 else 'are'} clearly slower{sizes[0]}, and {len(faster) or 'none'} clearly faster"
        f"{sizes[1]}."
    )


def complexity(correlation: pd.DataFrame) -> str:
    """Return with which implementations more operations take longer. Takes `complexity.rank_correlation`.

    A test of n networks, over all their orders, has no smaller p-value than 2 / n!, so three or four are too few.
    """
    known = correlation.dropna(subset="rho")
    if known.empty:
        return ""
    can_decide = known["models"].map(lambda n: 2 / factorial(int(n)) < ALPHA).astype(bool)
    tested, untested = known[can_decide], known[~can_decide]
    if tested.empty:
        return _untested_complexity(untested)
    n = tested["device_id"].nunique()
    table = tested.assign(sure=(tested["p_value"] < ALPHA) & (tested["rho"] > 0))
    by = table.groupby("implementation").agg(rho=("rho", "median"), sure=("sure", "sum"), devices=("rho", "size"))
    size = f"{'median ' if n > 1 else ''}ρ {_range(by['rho'])}"
    if len(untested):
        size += f"; {_few(untested)} networks are too few for a test {_with(untested['implementation'])}"
    if not table["sure"].any():
        where = "" if n == 1 else f" on any of {n} devices"
        return f"More operations do not clearly take longer {_with(by.index)}{where} ({size})."
    groups: dict[tuple[int, int], list[str]] = {}
    for name, row in by.sort_values("rho", ascending=False).iterrows():
        groups.setdefault((int(row["sure"]), int(row["devices"])), []).append(str(name))
    clauses: list[str] = []
    for (sure, devices), members in sorted(groups.items(), key=lambda item: -item[0][0] / item[0][1]):
        if sure:
            clauses.append(
                f"{_with(members)}{majority.on_devices(sure, devices, short=bool(clauses) and devices == n)}"
            )
        else:
            clauses.append(f"not {_with(members)}" if n == 1 else f"{_with(members)} on none")
    return f"More operations clearly take longer {', '.join(clauses)} ({size})."


def _untested_complexity(correlation: pd.DataFrame) -> str:
    """Return how operations and time are related where there are too few networks for a test."""
    few, devices = _few(correlation), correlation["device_id"].nunique()
    if (correlation["rho"] > 1 - 1e-9).all():
        which = "" if " " in few else f"{few} "
        where = f"{_with(correlation['implementation'])}{majority.on_devices(devices, devices)}"
        return f"The {which}networks rank by their operations {where}, but {few} are too few for a test."
    where = f"{_with(correlation['implementation'])} (ρ {_range(correlation['rho'])})"
    return sentence(f"{few} networks are too few to test whether more operations take longer {where}")


def _few(correlation: pd.DataFrame) -> str:
    """Return a small number of networks in words, such as "three" or "at most four"."""
    most = int(correlation["models"].max())
    return f"{'at most ' if correlation['models'].nunique() > 1 else ''}{NUMBERS.get(most, most)}"


def _with(chosen: Iterable[str]) -> str:
    return f"with {implementations(list(dict.fromkeys(chosen)))}"


def _range(values: pd.Series) -> str:
    """Return the smallest and the largest value with two decimals, such as "0.77 to 1.00"."""
    return " to ".join(dict.fromkeys(minus(f"{value:.2f}") for value in (values.min(), values.max())))


def off_line(over: pd.DataFrame, instances: pd.DataFrame) -> str:
    """Return which implementations are off the line as a whole, and the instance that is farthest off it.

    Takes the frame of `complexity.over_devices` or `implementations`, and that of `complexity.over_devices` for
    instances.
    """
    column = "named" if "named" in over else "off"
    judged = over.dropna(subset=[column])
    clauses = []
    for direction in ("faster", "slower"):
        off = [names.display(str(name)) for name in judged.loc[judged[column] == direction, "implementation"]]
        if off:
            clauses.append(f"{listed(off)} {'is' if len(off) == 1 else 'are'} {direction}")
    on_half = " on half of the devices" if column == "named" else ""
    text = f"No implementation is off the line with all of its networks{on_half}"
    if clauses:
        text = f"At equal operations, {' and '.join(clauses)} than the line through all instances of a device"
    elif judged.empty:
        text = "No implementation ran all six models, so none can be judged as a whole"
    far = instances[instances["named"].isin(["faster", "slower"])]
    if len(far):  # sorted by their distance
        first = far.iloc[0]
        name = f"{names.display(str(first['model']))} with {names.display(str(first['implementation']))}"
        text += f"; {name} takes {first['ratio']:.2g} times as long as the line predicts"
    return f"{text}." if len(over) else ""


def resizing(changes: pd.DataFrame, little: float) -> str:
    """Return whether the way of resizing matters. Takes the frame of `resize.changes`."""
    compared = changes.dropna(subset="change")
    if compared.empty:
        return ""
    widest = _largest(compared.assign(size=compared["change"].abs()), "size")
    counts = compared["verdict"].value_counts()
    holds, fails = int(counts.get("holds", 0)), int(counts.get("does not hold", 0))
    return (
        f"The way of resizing changes accuracy by at most {points(abs(widest['change']))} points "
        f"({names.display(str(widest['resize']))}); the change is surely within {100 * little:g} points in {holds} of "
        f"{plural(len(compared), 'comparison')}, and surely beyond in {fails or 'none'}."
    )


def operator_shares(shares: pd.DataFrame) -> str:
    """Return the kind of operator that takes most time. Takes the frame of `operators.shares` (Fig. 1)."""
    if shares.empty:
        return ""
    first = shares.loc[shares.groupby(["device_id", "framework", "model"])["share"].idxmax()]
    kind = first["kind"].value_counts().index[0]
    always = first["kind"].eq(kind).groupby(first["model"]).all()
    same = first[first["model"].isin(always[always].index)].sort_values("share")
    if same.empty:
        return ""
    ends = [f"{100 * row['share']:.0f}% ({names.display(str(row['model']))})" for row in (same.iloc[0], same.iloc[-1])]
    size = f"from {ends[0]} to {ends[1]}" if len(same) > 1 else ends[0]
    where = networks([str(model) for model in same["model"].unique()])
    return f"{str(kind).capitalize()} takes the largest share of the time in {where}: {size}."


def convolutions(times: pd.DataFrame) -> str:
    """Return how long most convolutions take. Takes the frame of `operators.convolution_times` (Fig. 2)."""
    if times.empty:
        return ""
    short = times[times["high_ms"] < 1].groupby(["device_id", "framework", "model"])["share"].sum().sort_values()
    edge = times.loc[times["high_ms"] < 1, "high_ms"].max()
    ends = [f"{100 * short.iloc[place]:.0f}% ({names.display(str(short.index[place][-1]))})" for place in (0, -1)]
    return f"Of the convolutions, {' to '.join(ends if len(short) > 1 else ends[:1])} take less than {edge:g} ms."


def modules(boxes: pd.DataFrame) -> str:
    """Return which typical modules have the fewest and the most operators. Takes the frame of `operators.boxes`."""
    if boxes.empty:
        return ""
    counts = boxes[boxes["kind"] != "input"].groupby("model").size()
    ends = [
        f"{plural(int(count), 'operator')} ({networks([str(model) for model in counts.index[counts == count]])})"
        for count in dict.fromkeys([counts.min(), counts.max()])
    ]
    if len(counts) == 1:
        return f"The typical module has {ends[0]}."
    return f"Typical modules have {'from ' if len(ends) > 1 else ''}{' to '.join(ends)}."
