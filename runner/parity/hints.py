"""Settings under which a network would do better than under its own: the trap of the paper's Section IV-B.

Weights do not record the channel order and normalization they were trained with. With the wrong ones a network still
answers, only worse, and a few images are not enough to show it in the accuracy. They are enough to show it in how
clearly the right class wins, image by image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from aiot_suite.facts import Settings
from runner.agent.loop import labels

IMAGES = 16
# Significance level of the one-sided paired test. With the right settings, all others are worse and p is near 1.
GAIN_SIGNIFICANCE = 0.02
LEAST_GAIN = 0.02  # minimum gain of the median margin, as a share of the range of the scores

NORMALIZATIONS = {
    "torchvision's": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "-1 to 1": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "0 to 1": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "the mean of each channel subtracted": ((123.0, 117.0, 104.0), (1.0, 1.0, 1.0)),
}
"""Mean and standard deviation for values from 0 to 255 of red, green and blue."""


def settings_variants(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Yield similar settings with a description: the other channel order, and other normalizations."""
    order = "BGR" if settings.channel_order == "RGB" else "RGB"
    yield f"channel_order {order}", replace(settings, channel_order=order)
    for name, (mean, std) in NORMALIZATIONS.items():
        in_order = [(r, g, b) if settings.channel_order == "RGB" else (b, g, r) for r, g, b in (mean, std)]
        changed = replace(settings, mean=in_order[0], std=in_order[1])
        if not np.allclose([changed.mean, changed.std], [settings.mean, settings.std], atol=2):
            yield f"mean and std for values of {name}" if "to" in name else f"mean and std: {name}", changed


def find_better_settings(
    settings: Settings,
    shown: Sequence[tuple[str, int]],
    scores_of: Callable[[Settings, Sequence[tuple[str, int]]], np.ndarray],
) -> str | None:
    """Return a description of the settings under which the right classes win most clearly; None if its own are best.

    `scores_of` returns the outputs of the network under some settings, shape (images, outputs). The test is Wilcoxon's
    signed-rank test on the margins of the same images.
    """
    from scipy.stats import wilcoxon

    sample = shown[:IMAGES]
    own_margins = margins(scores_of(settings, sample), sample, settings)
    candidates = []
    for text, variant in settings_variants(settings):
        differences = margins(scores_of(variant, sample), sample, variant) - own_margins
        gain = float(np.median(differences))
        if gain >= LEAST_GAIN and wilcoxon(differences, alternative="greater").pvalue < GAIN_SIGNIFICANCE:
            candidates.append((gain, text))
    return max(candidates)[1] if candidates else None


def margins(scores: np.ndarray, shown: Sequence[tuple[str, int]], settings: Settings) -> np.ndarray:
    """Return the margin of the right class over the best other class, as a share of the range of an image's scores."""
    label_of = labels(settings.record())
    columns = {label_of(index): index for index in range(scores.shape[1])}
    result = []
    for row, (_, label) in zip(scores, shown, strict=True):
        true_column = columns.get(label)
        other_scores = np.delete(row, true_column) if true_column is not None else row
        result.append(
            ((row[true_column] if true_column is not None else row.min()) - other_scores.max()) / (np.ptp(row) or 1)
        )
    return np.array(result)
