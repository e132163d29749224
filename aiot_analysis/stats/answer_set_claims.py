"""The paper's Remark 1, translated to published answer sets."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from aiot_analysis.stats import accuracy, intervals
from aiot_analysis.stats.answer_sets import pairs
from aiot_analysis.stats.published_claims import TranslatedClaim
from aiot_analysis.stats.remarks.accuracy_claims import EQUAL
from aiot_analysis.stats.remarks.claim import POINTS, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate
from aiot_analysis.stats.remarks.fluctuation import FEWEST, UNLIKE
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from aiot_analysis.stats.answer_sets import NetworkAnswers

DIFFERENT = (0.0, float("inf"))
NONE_OF_IT = (-float("inf"), EQUAL)
_TOGETHER = "model file, SDK and device together, since each vendor quantized its own file"
_ONE_FRAMEWORK = "each device ran the SDK of its vendor only, and no device ran two frameworks"


def remark_1(networks: Sequence[NetworkAnswers]) -> list[TranslatedClaim]:
    """Return the claims of Remark 1 with what is tested in their place on these answers, or why nothing can be."""
    few = f"over 0, by a joint interval; one that is not, and is certainly under {EQUAL:g} points, counts as none"
    return [
        TranslatedClaim(
            "1a",
            "Accuracy differs between devices with one SDK",
            translation="for each network and SDK, the largest difference in accuracy between the answer sets of two "
            f"devices on the same images: {few}",
            parts=_within_framework(networks),
            unit=POINTS,
            limits=f"A difference is one of {_TOGETHER}. Answers may differ although accuracies do not",
        ),
        TranslatedClaim(
            "1b",
            why_not=f"{_ONE_FRAMEWORK}; a spread over devices cannot be compared between SDKs that ran on different "
            "devices",
        ),
        TranslatedClaim("1c", why_not=_no_network(networks)),
        TranslatedClaim(
            "1d",
            "Accuracy differs between the SDKs of two vendors",
            translation="for each network, the largest difference in accuracy between the SDKs of two vendors in the "
            f"same round, on the same images: {few}",
            parts=_between_frameworks(networks),
            limits=f"The vendor's SDK stands for the framework. A difference is one of {_TOGETHER}",
        ),
        TranslatedClaim("1e", why_not=f"{_ONE_FRAMEWORK}; a pattern needs one network in two of them on each device"),
        TranslatedClaim(
            "1f",
            "Networks have their own patterns with one SDK",
            translation="correlation over devices between the accuracies of two networks with one SDK, corrected for "
            f"what does not repeat from image to image: under {UNLIKE[1]:g}, by a jackknife over {FEWEST} devices or "
            "more",
            parts=_between_networks(networks),
            limits="Devices with the same answers to both networks count as separate devices",
        ),
    ]


def _no_network(networks: Sequence[NetworkAnswers]) -> str:
    have = " and ".join(names.display(network.model) for network in networks) or "no network"
    return f"InceptionV3 is not among these networks ({have})"


def _within_framework(networks: Sequence[NetworkAnswers]) -> list[ClaimPart]:
    """Return a part per network and framework of two devices or more: its largest difference between two of them."""
    groups: dict[str, pd.DataFrame] = {}
    for network in networks:
        table = pairs([network])
        for framework, rows in network.submissions.groupby("framework", sort=False):
            if rows["device_id"].nunique() > 1:
                label = f"{names.display(network.model)}, {names.framework(str(framework))}"
                groups[label] = _of_sets(table, _pairs_of_sets(rows, "device_id"))
    return _largest(groups)


def _between_frameworks(networks: Sequence[NetworkAnswers]) -> list[ClaimPart]:
    """Return a part per network: the largest difference between two frameworks in one round."""
    groups = {}
    for network in networks:
        wanted = set[tuple[str, str]]()
        for _, rows in network.submissions.groupby("publication"):
            wanted |= _pairs_of_sets(rows, "framework")
        groups[names.display(network.model)] = _of_sets(pairs([network]), wanted)
    return _largest(groups)


def _pairs_of_sets(rows: pd.DataFrame, unlike: str) -> set[tuple[str, str]]:
    """Return the pairs of answer sets of which some submissions have different values in a column."""
    sides = list(zip(rows["answer_set"], rows[unlike], strict=True))
    return {(a, b) for (a, one), (b, other) in combinations(sides, 2) if one != other}


def _of_sets(table: pd.DataFrame, wanted: set[tuple[str, str]]) -> pd.DataFrame:
    """Return the rows of the frame of `pairs` with these sets, in either order."""
    chosen = [(a, b) in wanted or (b, a) in wanted for a, b in zip(table["set_a"], table["set_b"], strict=True)]
    return table[np.array(chosen, bool)]


def _largest(groups: dict[str, pd.DataFrame]) -> list[ClaimPart]:
    """Return, for each group of rows of `pairs`, the difference with the clearest sign. All intervals hold jointly."""
    together = intervals.level(sum(map(len, groups.values())))
    parts = []
    for label, table in groups.items():
        if table.empty:
            reason = f"{label}: all have the same answers, or there is only one"
            parts.append(ClaimPart(label, Estimate(why=reason), DIFFERENT, NONE_OF_IT))
            continue
        a, b, c, d = table[accuracy.SIDES].to_numpy(float).T
        low, high = (100 * ends for ends in accuracy.newcombe(a, b, c, d, together))
        size = 100 * table["change"].abs().to_numpy()
        least = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(abs(low), abs(high)))
        most = np.maximum(abs(low), abs(high))
        widest = int(np.lexsort((size, least))[-1])
        row = table.iloc[widest]
        name = f"{label}, between sets {row['set_a']} and {row['set_b']} ({plural(len(table), 'pair')} of sets)"
        estimate = Estimate(size[widest], least[widest], max(most), 2)
        parts.append(ClaimPart(name, estimate, DIFFERENT, NONE_OF_IT))
    return parts


def _between_networks(networks: Sequence[NetworkAnswers]) -> list[ClaimPart]:
    """Return a part per framework and pair of networks: the correlation of their accuracies over devices."""
    parts = []
    for first, second in combinations(networks, 2):
        label = f"{names.display(first.model)} and {names.display(second.model)}"
        columns = [_latest(network) for network in (first, second)]
        frameworks = dict.fromkeys([*columns[0]["framework"], *columns[1]["framework"]])
        for framework in frameworks:
            sides = [side[side["framework"] == framework]["place"] for side in columns]
            devices = sides[0].index.intersection(sides[1].index)
            if devices.empty:
                continue
            parts.append(_alike(f"{label}, {names.framework(framework)}", (first, second), sides, devices))
    return parts


def _latest(network: NetworkAnswers) -> pd.DataFrame:
    """Return the column and the framework of the last submission of each device, by device."""
    rows = network.submissions.assign(place=range(len(network.submissions)))
    return rows.drop_duplicates("device_id", keep="last").set_index("device_id")[["framework", "place"]]


def _alike(
    label: str, networks: tuple[NetworkAnswers, NetworkAnswers], sides: Sequence[pd.Series], devices: pd.Index
) -> ClaimPart:
    name = f"correlation of {label}"
    chosen = [side[devices].to_numpy() for side in sides]
    if len(devices) < FEWEST:
        distinct = len(
            {
                tuple(
                    network.submissions["answer_set"].iloc[place[device]]
                    for network, place in zip(networks, chosen, strict=True)
                )
                for device in range(len(devices))
            }
        )
        why = (
            f"{label}: {plural(len(devices), 'device')} ran both, with {plural(distinct, 'combination')} of answer "
            f"sets: at least {FEWEST} devices are needed"
        )
        return ClaimPart(name, Estimate(why=why), UNLIKE)
    right = [
        (network.top1 == network.labels[:, None])[:, places].T.astype(float)
        for network, places in zip(networks, chosen, strict=True)
    ]
    likeness = intervals.likeness(np.stack(right, axis=2), [(0, 1)])
    if not likeness.repeats:
        return ClaimPart(name, Estimate(why="no pattern that repeats from image to image"), UNLIKE)
    return ClaimPart(name, Estimate(likeness.correlation, likeness.low, likeness.high, len(devices)), UNLIKE)
