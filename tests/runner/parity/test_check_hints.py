import numpy as np
import pytest

from aiot_suite.facts import Settings
from runner.parity import check

RGB = Settings(224, "ten", 10)
SHOWN = [(f"{number}.jpg", number % 10) for number in range(40)]


def network(best: Settings):
    """Return a stand-in for a network whose scores of the right class grow as the settings approach the best ones."""

    def scores_of(settings, images):
        distance = np.abs(np.subtract(settings.mean, best.mean)).mean() / 100
        distance += 0.2 * (settings.channel_order != best.channel_order) + 5 * (settings.std[0] != best.std[0])
        scores = np.random.default_rng(1).normal(0, 0.1, (len(images), 10))
        for row, (_, label) in enumerate(images):
            scores[row, label] += 1 - distance
        return scores

    return scores_of


def test_right_settings_are_left_alone():
    assert check.find_better_settings(RGB, SHOWN, network(RGB)) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"channel_order": "BGR"}, "channel_order BGR"),
        ({"mean": (127.5,) * 3, "std": (127.5,) * 3}, "mean and std for values of -1 to 1"),
        ({"mean": (0.0,) * 3, "std": (255.0,) * 3}, "mean and std for values of 0 to 1"),
        ({"mean": (123.0, 117.0, 104.0), "std": (1.0,) * 3}, "mean and std: the mean of each channel subtracted"),
    ],
)
def test_the_settings_the_network_was_trained_with_are_named(change, text):
    best = Settings(**{**RGB.record(), **change})
    assert check.find_better_settings(RGB, SHOWN, network(best)) == text


def test_the_mean_follows_the_channel_order():
    bgr = Settings(224, "ten", 10, channel_order="BGR")
    changed = dict(check.settings_variants(bgr))
    assert changed["mean and std: the mean of each channel subtracted"].mean == (104.0, 117.0, 123.0)
    assert changed["channel_order RGB"].channel_order == "RGB"


def test_a_margin_is_a_share_of_the_range_of_an_images_scores():
    scores = np.array([[0.0, 8.0, 4.0], [2.0, 1.0, 0.0]])
    assert check.margins(scores, [("a", 1), ("b", 2)], RGB).tolist() == [0.5, -1.0]
    shifted = Settings(224, "three", 2, label_offset=1)
    assert check.margins(scores, [("a", 0), ("b", 0)], shifted).tolist() == [0.5, -0.5]
