"""Detection of labels that are shifted or in another order: the trap of every list of 1000 classes.

If a network's answers are compared with the labels of another list, they are right only by chance. If they nevertheless
follow the labels, one lower or in the order of another list, then the labels are at fault, or the settings that define
what the outputs mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aiot_suite.datasets import classes
from aiot_suite.facts import Settings

MAYBE = "the labels may be shifted or in another order"
LABEL_SIGNIFICANCE = 0.001  # of the one-sided tests
LEAST_LABELS = 3  # minimum number of labels that a shift or an order has to explain: a constant answer explains one


def label_problem(answers: np.ndarray, truth: np.ndarray, settings: Settings) -> str | None:
    """Return a sentence on what seems to be wrong with the labels, or None.

    answers, truth: labels of shape (images,); an answer of -1 is no class. Another order is reported if it explains
    more than chance (binomial test, corrected for all orders tried) and more than the labels as they are (McNemar's
    exact test, if those explain more than chance themselves).
    """
    right = int((answers == truth).sum())
    chance = 1 / settings.classes
    by_chance = _tail(right, len(truth), chance) > LABEL_SIGNIFICANCE
    candidates = list(_others(answers, truth, settings))
    best_labels, text = max(candidates, key=lambda candidate: int((candidate[0] == answers).sum()), default=(truth, ""))
    explained = int((best_labels == answers).sum())
    if (
        len(set(truth[best_labels == answers].tolist())) >= LEAST_LABELS
        and _tail(explained, len(truth), chance) * (2 * settings.classes + len(candidates)) < LABEL_SIGNIFICANCE
        and (by_chance or _better(best_labels == answers, truth == answers))
    ):
        return f"{right} of {len(truth)} images are classified correctly: {MAYBE}; {explained} are correct {text}"
    if not at_chance_level(right, len(truth), settings.classes):
        return None
    follow_note = (
        "; images with the same label get the same answer, but not that label" if _follow(answers, truth) else ""
    )
    return (
        f"{right} of {len(truth)} images are classified correctly, no more than by chance: {MAYBE}, although "
        f"no shift and no common order fits better{follow_note}; also check channel_order, mean, std and "
        "label_offset in its settings"
    )


def at_chance_level(right: int, images: int, classes: int) -> bool:
    """Return whether a number of right answers is consistent with guessing, and too low for a trained network.

    A trained network is taken to be right half way between guessing and always. With fewer than ten images, both may
    hold.
    """
    from scipy.stats import binom

    chance = 1 / classes
    guessed = binom.sf(right - 1, images, chance) >= LABEL_SIGNIFICANCE
    return bool(guessed and binom.cdf(right, images, (1 + chance) / 2) < LABEL_SIGNIFICANCE)


def _tail(count: int, images: int, rate: float) -> float:
    """Return the probability of `count` or more."""
    from scipy.stats import binomtest

    return float(binomtest(count, images, rate, alternative="greater").pvalue)


def _better(one: np.ndarray, other: np.ndarray) -> bool:
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return gained > 0 and _tail(gained, gained + lost, 0.5) < LABEL_SIGNIFICANCE


def _others(answers: np.ndarray, truth: np.ndarray, settings: Settings) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the labels under the shift that fits best and under other orders, each with its meaning."""
    differences, counts = np.unique((answers - truth)[(answers >= 0) & (answers != truth)], return_counts=True)
    if len(differences):
        shift = int(differences[counts.argmax()])
        yield truth + shift, _of_shift(shift, settings)
    for order, text in _orders(settings):
        inverse = np.full(max(len(order), int(order.max()) + 1), -1)
        inverse[order[order >= 0]] = np.flatnonzero(order >= 0)
        for mapping, meaning in ((order, f"if the labels are {text}"), (inverse, f"if the outputs are {text}")):
            inside = truth < len(mapping)
            yield np.where(inside, mapping[np.where(inside, truth, 0)], -1), meaning


def _of_shift(shift: int, settings: Settings) -> str:
    text = f"if every label is {abs(shift)} {'lower' if shift < 0 else 'higher'}"
    remedies = []
    if settings.label_map is None and settings.label_offset + shift >= 0:
        remedies.append(f"label_offset {settings.label_offset + shift} in the settings of the model")
    if shift == -1:
        remedies.append("make the dataset again with --numbering 1")
    return f"{text} ({', or '.join(remedies)})" if remedies else text


def _orders(settings: Settings) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the label of each number of another list, -1 for unused numbers, and a description of the list."""
    yield np.array(sorted(range(settings.classes), key=str)), "sorted as text: 0, 1, 10, 100, 101"
    if settings.label_space != classes.IMAGENET:
        return
    devkit_labels = np.full(1001, -1)
    for number, label in classes.label_of_devkit().items():
        devkit_labels[number] = label
    yield devkit_labels, "the class numbers of ILSVRC 2012's development kit (--numbering devkit for the dataset)"
    yield devkit_labels[1:], "the class numbers of ILSVRC 2012's development kit minus one"
    names = [row["name"].casefold() for row in classes.class_table()]
    yield np.array(sorted(range(len(names)), key=names.__getitem__)), "sorted by the names of the classes"


def _follow(answers: np.ndarray, truth: np.ndarray) -> bool:
    """Return whether images of the same label get the same answer more often than images of different labels."""
    first, second = np.triu_indices(len(truth), 1)
    same_label, same_answer = truth[first] == truth[second], answers[first] == answers[second]
    if not same_label.any() or same_label.all():
        return False
    base_rate = float(same_answer[~same_label].mean())
    return _tail(int(same_answer[same_label].sum()), int(same_label.sum()), base_rate) < LABEL_SIGNIFICANCE
