"""Settings under which a network would do better than under its own: the trap of the paper's Section IV-B.

Weights say nothing of the channel order and normalization they were trained with. With the wrong ones a network
still answers, only worse, and a few images do not show it in the accuracy. They do in how clearly the right class
wins, image by image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from aiot_suite.facts import Settings
from runner.agent.loop import labels

IMAGES = 16
SIGNIFICANCE = (
    0.02  # of the paired test, one-sided: under its own settings a network is worse with all others, p near 1
)
LEAST_GAIN = 0.02  # of the median margin, as a share of the range of the scores

NORMALIZATIONS = {
    "torchvision's": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "-1 to 1": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "0 to 1": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "the mean of each channel taken off": ((123.0, 117.0, 104.0), (1.0, 1.0, 1.0)),
}
"""Mean and standard deviation of values from 0 to 255, of red, green and blue."""


def others(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Settings that are a slip away, with what they change: the other channel order, and other normalizations."""
    order = "BGR" if settings.channel_order == "RGB" else "RGB"
    yield f"channel_order {order}", replace(settings, channel_order=order)
    for name, (mean, std) in NORMALIZATIONS.items():
        in_order = [(r, g, b) if settings.channel_order == "RGB" else (b, g, r) for r, g, b in (mean, std)]
        changed = replace(settings, mean=in_order[0], std=in_order[1])
        if not np.allclose([changed.mean, changed.std], [settings.mean, settings.std], atol=2):
            yield f"mean and std for values of {name}" if "to" in name else f"mean and std: {name}", changed


def better(
    settings: Settings,
    shown: Sequence[tuple[str, int]],
    scores_of: Callable[[Settings, Sequence[tuple[str, int]]], np.ndarray],
) -> str | None:
    """The other settings under which the right classes win most clearly, in a few words; None if its own are best.

    `scores_of` gives the network's outputs, shape (images, outputs), under some settings. The test is Wilcoxon's
    signed-rank test on the margins of the same images.
    """
    from scipy.stats import wilcoxon

    some = shown[:IMAGES]
    own = margins(scores_of(settings, some), some, settings)
    found = []
    for text, other in others(settings):
        differences = margins(scores_of(other, some), some, other) - own
        gain = float(np.median(differences))
        if gain >= LEAST_GAIN and wilcoxon(differences, alternative="greater").pvalue < SIGNIFICANCE:
            found.append((gain, text))
    return max(found)[1] if found else None


def margins(scores: np.ndarray, shown: Sequence[tuple[str, int]], settings: Settings) -> np.ndarray:
    """How far the right class is before the best other one, as a share of the range of an image's scores."""
    label_of = labels(settings.record())
    columns = {label_of(index): index for index in range(scores.shape[1])}
    result = []
    for row, (_, label) in zip(scores, shown, strict=True):
        right = columns.get(label)
        others = np.delete(row, right) if right is not None else row
        result.append(((row[right] if right is not None else row.min()) - others.max()) / (np.ptp(row) or 1))
    return np.array(result)
