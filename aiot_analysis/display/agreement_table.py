"""Agreement between devices for readers: plain-text sentences and tables short enough to read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from aiot_analysis.stats import agreement
from aiot_analysis.stats.answers import Answers
from aiot_analysis.tables import names
from aiot_analysis.words import ALPHA, p_value, plural

BUILT = (
    "By construction: the answers of this fleet were drawn by rule, so all that follows tells what the rules say and "
    "nothing about devices. "
)
DIFFERENCES = ["instance", "devices", "accuracy", "spread (chance)", "Q", "p (epsilon)", "p, corrected"]
DIFFERENCES += ["some differ", "two differ"]


def of_devices(spread: pd.DataFrame, unstable: pd.DataFrame, origin: str) -> str:
    """Return a summary of how much devices differ over all instances, or the reason why none can be compared.

    Takes the frames of `stats.agreement.cochran` and `stats.agreement.instability`.
    """
    built = BUILT if origin == "simulated" else ""
    comparable, tested = unstable.dropna(subset=["instability"]), spread.dropna(subset=["p_adjusted"])
    if comparable.empty:
        why = "; ".join(sorted(set(unstable["gap"]) - {""})) or "nothing was measured"
        return f"{built}No instance can be compared across devices ({why})."
    sure = int((tested["p_adjusted"] < ALPHA).sum())
    return (
        f"{built}{plural(len(comparable), 'instance')} can be compared, on {_span(comparable['devices'], '{:.0f}')} "
        f"devices and {_span(comparable['images'], '{:.0f}')} images. By instance, some devices give another class on "
        f"{_span(comparable['instability'], '{:.1%}')} of the images, two devices on "
        f"{_span(comparable['disagreement'], '{:.1%}')}. That devices are not equally often right is sure in {sure} of "
        f"{plural(len(tested), 'instance')}."
    )


def of_reference(answers: Sequence[Answers], base: str, wanted: str, devices: pd.DataFrame) -> str:
    """Return a sentence on the reference device, `base`, and how it was chosen. `wanted` is the parameter, if set."""
    if not base:
        return "There is no reference: no instance was run on two devices that can be compared."
    name = names.devices(devices).get(base, base)
    if wanted:
        return f"The reference is {name} (`{base}`), as the parameter says."
    share = agreement.shares_alike(answers).set_index("device_id").loc[base]
    return (
        f"The reference is {name} (`{base}`): of the devices with the most instances ({share['instances']:.0f}) the "
        f"one whose answers most of the others share ({share['agreement']:.2%} of them, on average over images and "
        "instances). The parameter `reference` takes another."
    )


def of_repeats(repeats: pd.DataFrame, origin: str) -> str:
    """Return a sentence on the noise from run to run. Takes the frame of `stats.repeats.flips`."""
    if repeats.empty:
        simulated_note = " A simulated phone has one run." if origin == "simulated" else ""
        return (
            "How often a device differs from itself is not known: none was shown an image twice under the same "
            f"conditions.{simulated_note} A second `aiot run` tells."
        )
    changed, images = int(repeats["changed"].sum()), int(repeats["images"].sum())
    return (
        f"{plural(repeats['device_id'].nunique(), 'device')} saw images again under the same recorded conditions, in "
        f"{plural(len(repeats), 'instance')}: {changed} of {plural(images, 'image')} got another class."
    )


def differences(spread: pd.DataFrame, unstable: pd.DataFrame) -> pd.DataFrame:
    """Return how much devices differ, as text with a row per instance that can be compared.

    Takes the frames of `stats.agreement.cochran` and `stats.agreement.instability`. Spreads are standard deviations in
    percentage points, followed by the one that chance alone gives. p is that of Cochran's Q, followed by the one with
    Box's epsilon. "p, corrected" is the latter, corrected for the number of instances.
    """
    merged = unstable.merge(spread, on="instance_id", suffixes=("", "_spread"))
    comparable = merged.dropna(subset=["instability", "q"])
    lines = [
        {
            "instance": names.instance_display(str(row["instance_id"])).removesuffix(", float32"),
            "devices": row["devices"],
            "accuracy": f"{row['accuracy_min']:.3f}–{row['accuracy_max']:.3f}",
            "spread (chance)": f"{100 * row['sd']:.2f} ({100 * row['sd_chance']:.2f})",
            "Q": f"{row['q']:.1f}",
            "p (epsilon)": f"{p_value(row['p_value'])} ({p_value(row['p_together'])})",
            "p, corrected": p_value(row["p_adjusted"]),
            "some differ": f"{row['instability']:.1%} "
            f"({100 * row['instability_low']:.1f}–{100 * row['instability_high']:.1f})",
            "two differ": f"{row['disagreement']:.2%}",
        }
        for row in comparable.to_dict("records")
    ]
    return pd.DataFrame(lines, columns=DIFFERENCES)


def apart(found: pd.DataFrame, devices: pd.DataFrame) -> pd.DataFrame:
    """Return the devices that are not compared with the others.

    The columns are device, reason, instances (their number) and such as (the first of them).
    Takes the second frame of `stats.answers.collect` and the table `devices`.
    """
    grouped = found.groupby(["device_id", "reason"], as_index=False, sort=False)
    listed = grouped.agg(**{"instances": ("instance_id", "size"), "such as": ("instance_id", "first")})
    listed["such as"] = listed["such as"].map(names.instance_display)
    device_names = names.devices(devices)
    return listed.assign(device_id=listed["device_id"].map(device_names)).rename(columns={"device_id": "device"})


def _span(values: pd.Series, pattern: str) -> str:
    """Return the lowest and the highest value as text, or the value if they look the same."""
    low, high = pattern.format(values.min()), pattern.format(values.max())
    return low if low == high else f"{low} to {high}"
