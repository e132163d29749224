"""Tests of the figures of published answers: their marks, their words, and gaps."""

import matplotlib as mpl
import numpy as np
import pytest

from aiot_analysis.plots import answer_sets as draw
from aiot_analysis.plots import style
from aiot_analysis.stats import answer_sets
from tests.aiot_analysis.stats.test_answer_sets import network

ORIGIN = "published by MLCommons, MLPerf Mobile v5.0"


def answers(labels, *wrong):
    """Return answers that are wrong on some images."""
    columns = [np.where(np.isin(np.arange(len(labels)), places), 9, labels) for places in wrong]
    return np.column_stack(columns)


LABELS = np.repeat(np.arange(4), 10)
MAKERS = {"submitter": ["Maker", "Maker", "Other"], "sdk": ["SNPE 1", "SNPE 2", "ENN"]}
NETWORKS = [
    network(LABELS, answers(LABELS, [0], [0], [1, 2, 11]), MAKERS),
    network(LABELS, answers(LABELS, [0, 1], [3]), {"submitter": ["Maker", "Other"]}, model="mnasnet"),
]


def words(figure):
    return "\n".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text))


def test_accuracies_are_those_of_the_frame_by_submitter():
    table = answer_sets.accuracies(NETWORKS)
    figure = draw.published_accuracy(table, ORIGIN)
    first, second = figure.axes
    assert [bar.lines[0].get_xdata().tolist() for bar in first.containers] == [[97.5, 97.5], [92.5]]
    (whisker, _) = first.containers[0].lines[2][0].get_segments()
    assert whisker[:, 0].tolist() == pytest.approx([100 * table["accuracy_low"][0], 100 * table["accuracy_high"][0]])
    assert [label.get_text() for label in first.get_yticklabels()] == ["a [A]", "b [A]", "c [B]"]
    assert second.get_title(loc="left") == "MnasNet"
    assert figure.get_label().endswith(
        "net 92.50 to 97.50% in 3 submissions; MnasNet 95.00 to 97.50% in 2 submissions."
    )
    assert "Maker" in words(figure) and ORIGIN in words(figure)


def test_the_matrix_has_the_number_of_images_of_each_pair():
    figure = draw.disagreement(answer_sets.disagreements(NETWORKS), ORIGIN)
    first, second = figure.axes
    assert first.images[0].get_array().tolist() == [[0, 0, 4], [0, 0, 4], [4, 4, 0]]
    assert [text.get_text() for text in second.texts] == ["3", "3"]  # nothing on the diagonal
    assert [label.get_text() for label in first.get_xticklabels()] == ["A", "A", "B"]
    lines = sorted((line.get_ydata()[0], line.get_linewidth()) for line in first.lines if line.get_xdata() == [0, 1])
    assert lines == [(0.5, 0.6), (1.5, 0.6), (1.5, 1.6)]  # two SDKs and then another submitter
    [legend] = figure.legends
    widths = {
        text.get_text(): line.get_linewidth() for text, line in zip(legend.texts, legend.get_lines(), strict=True)
    }
    assert widths == {"another SDK": 0.6, "another submitter": 1.6}
    assert "net: 4 of 40; MnasNet: 3 of 40." in figure.get_label()


@pytest.mark.parametrize("width", [3.5, 7.16])
def test_long_names_leave_room_in_print(width):
    count = 12
    item = network(LABELS, answers(LABELS, *[[place] for place in range(10)]))
    rows = item.submissions.sample(count, replace=True, random_state=0).reset_index(drop=True)
    rows["submission"] = [f"Qualcomm Reference Design, Snapdragon {place} Gen 3" for place in range(count)]
    places = [item.sets.index(letter) for letter in rows["answer_set"]]
    many = answer_sets.NetworkAnswers("net", rows, item.images, item.labels, item.top1[:, places])
    with style.printing(width):
        for figure in (
            draw.disagreement(answer_sets.disagreements([many]), ORIGIN),
            draw.published_accuracy(answer_sets.accuracies([many]), ORIGIN),
        ):
            figure.draw_without_rendering()
            inches = figure.axes[0].get_window_extent().width / figure.dpi
            assert inches > 0.3 * width / (1 if width < 4 or figure.axes[0].images else 2)
            written = [
                text.get_window_extent().width / figure.dpi
                for text in figure.axes[0].texts
                if text.get_text() != "PUBLISHED"
            ]
            assert all(length < inches / count for length in written)


def test_bars_are_the_share_of_images_that_flip():
    figure = draw.unstable_classes(answer_sets.classes(NETWORKS[0]).head(2), ORIGIN)
    [panel] = figure.axes
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([30, 10])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["tench", "goldfish"]
    assert figure.get_label() == "Least stable classes. net: tench 3 of 10 images."


def test_spreads_of_samples_are_beside_the_true_one():
    samples = [answer_sets.sample(item, 100, n_classes=2) for item in NETWORKS]
    counts, spreads = answer_sets.spread_counts(samples), answer_sets.spreads(samples)
    figure = draw.sample_spread(counts, spreads, ORIGIN)
    first, _ = figure.axes
    assert sum(bar.get_height() for bar in first.containers[0]) == pytest.approx(100)
    lines = [float(line.get_xdata()[0]) for line in first.lines]
    assert lines == pytest.approx([spreads["spread"][0], 5.0])
    assert "net: 5.00 points on all images" in figure.get_label()


def test_significant_samples_are_a_part_of_the_bar():
    item = network(LABELS, answers(LABELS, [], range(0, 40, 4)))
    samples = answer_sets.sample(item, 300, n_classes=3, per_class=10)
    chosen = answer_sets.choose_pair([item])
    pair = chosen.of(answer_sets.seen_in_samples(answer_sets.pairs([item]), [samples]))
    counts = answer_sets.change_counts(chosen, samples)
    figure = draw.pair_change(counts, pair, ORIGIN, ("one", "two"))
    alike, significant = figure.axes[0].containers
    total = [low.get_height() + high.get_height() for low, high in zip(alike, significant, strict=True)]
    assert total == pytest.approx((100 * counts["share"]).tolist())
    assert 0 < sum(bar.get_height() for bar in significant) == pytest.approx(100 * pair["significant"][0])
    assert "two and one: −25.00 points on all images" in figure.get_label()
    assert "accuracy of two minus that of one (points)" in words(figure)


def test_no_data_are_said():
    none = answer_sets.choose_pair([network(LABELS, answers(LABELS, [0], [0]))])
    samples = answer_sets.sample(none.network, 10, n_classes=2)
    same = none.of(answer_sets.pairs([none.network]))
    figures = [
        draw.published_accuracy(answer_sets.accuracies([]), ORIGIN),
        draw.disagreement(answer_sets.disagreements([]), ORIGIN),
        draw.unstable_classes(answer_sets.classes(NETWORKS[0]).head(0), ORIGIN),
        draw.sample_spread(answer_sets.spread_counts([]), answer_sets.spreads([]), ORIGIN),
        draw.pair_change(answer_sets.change_counts(none, samples), same, ORIGIN),
    ]
    for figure in figures:
        assert "no data" in words(figure) and "o data" in figure.get_label()
        assert style.figure_source(figure) is not None
