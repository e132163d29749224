import numpy as np
import pandas as pd
import pytest

from aiot_analysis.display import answer_sets_text as tell
from aiot_analysis.stats import answer_sets
from tests.aiot_analysis.stats.test_answer_sets import network

LABELS = np.repeat(np.arange(4), 10)


def answers(*wrong):
    return np.column_stack([np.where(np.isin(np.arange(40), places), 9, LABELS) for places in wrong])


ITEM = network(LABELS, answers([0], [0], [1], [1, 2, 11]))
ALIKE = network(LABELS, answers([0], [0]), model="mnasnet")


def seen(item, draws=200, n_classes=2):
    samples = [answer_sets.sample(item, draws, n_classes=n_classes)]
    return answer_sets.seen_in_samples(answer_sets.pairs([item]), samples), samples


def test_accuracies_of_each_network():
    assert tell.accuracies(answer_sets.accuracies([ITEM, ALIKE])) == (
        "net is right on 92.5 to 97.5% of 40 images and MnasNet is right on 97.5% of 40 images."
    )
    assert tell.accuracies(answer_sets.accuracies([])) == tell.NO_ANSWERS


def test_disagreement_names_sets_that_are_right_equally_often():
    assert tell.disagreements(answer_sets.pairs([ITEM, ALIKE])) == (
        "That is 2 to 4 of 40 images for net. Sets A and B of net are right equally often and still differ on 2 images."
    )
    assert tell.disagreements(answer_sets.pairs([ALIKE])) == "There are no two different answer sets."


def test_equal_answers_may_be_copied_logs():
    text = tell.sets(answer_sets.distinct_sets([ITEM]))
    assert text.startswith(
        "The 4 submissions have 3 distinct answer sets. The most common, A of net, belongs to 2 submissions of 2 "
        "devices, which gave the very same 40 answers. Equal answers do not prove"
    )
    assert "copied" not in tell.sets(answer_sets.distinct_sets([network(LABELS, answers([0], [1]))]))


def test_classes_and_images_that_flip():
    text = tell.classes(answer_sets.classes(ITEM))
    assert text == ("net: answers differ on 4 of 40 images (10.0%); 2 of 4 classes have none.")
    assert tell.images([ITEM]) == "net: 000.jpg (tench) got 2 different classes from 3 answer sets."
    assert tell.images([ALIKE]) == "No image has different answers."


def test_samples_beside_all_images():
    pairs, samples = seen(network(LABELS, answers([], range(40)), model="mnasnet"))
    text = tell.samples(answer_sets.spreads(samples), pairs)
    assert text == (
        "A sample has different answers of any two of these sets with a probability of over 99.99%. On all images, 1 "
        "of 1 pair of sets differs significantly in accuracy (tests corrected together); a test on a sample alone "
        "finds such a difference in 100.0% of samples."
    )
    nothing, alike = seen(ALIKE)
    assert tell.samples(answer_sets.spreads(alike), nothing) == "There are no samples of two different answer sets."
    pairs, samples = seen(ITEM)
    least = pairs["shown"].min()
    assert f"with a probability of at least {100 * least:.2f}%." in tell.samples(answer_sets.spreads(samples), pairs)
    assert tell.samples(answer_sets.spreads(samples), pairs).endswith(
        "none of 3 pairs of sets differ significantly in accuracy (tests corrected together)."
    )


def test_a_pair_in_words():
    pairs, samples = seen(ITEM, n_classes=4)
    chosen = answer_sets.choose_pair([ITEM], a="a", b="d")
    row, drawn = tell.of_pair(chosen, pairs, samples)
    text = tell.pair(chosen, row, drawn)
    assert text.startswith(
        "a and d give different classes to 4 of 40 images of net (10.0%). Their accuracies, 97.50 and 92.50%, do not "
        "differ significantly: −5.00 points ("
    )
    # three of four differ on the images of one side: a binomial test of 1 of 4
    assert "; McNemar's test, p 0.625). A sample of 20 images has 2 with different classes on average; in 95%" in text
    assert tell.pair(chosen, row, None).endswith("p 0.625).")
    same = answer_sets.choose_pair([ALIKE])
    assert tell.pair(same, *tell.of_pair(same, *seen(ALIKE))).startswith(
        "a and b gave the same answers to all 40 images of MnasNet. Equal answers do not prove"
    )
    assert tell.pair(None, *tell.of_pair(None, pairs, samples)) == "There are no two submissions of one network."


def test_a_probability_is_never_rounded_to_one():
    frame = pd.DataFrame({"shown": [0.5, 0.99984, 0.99996]})
    assert [tell._probability(value) for value in frame["shown"]] == ["50.00%", "99.98%", "over 99.99%"]


def test_networks_with_few_images_have_no_samples(capsys):
    assert tell.draw_samples([ITEM], 10, 0, 4, 20) == []
    assert "net: A sample of 4 classes with 20 images each cannot be drawn" in capsys.readouterr().out
    with pytest.raises(answer_sets.DataError, match="draws is 0"):
        tell.draw_samples([ITEM], 0, 0, 4, 5)
