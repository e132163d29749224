"""Charts of published answers and times have the values of the frames that they draw, and say what a mark is."""

import pytest

from aiot_analysis.charts import answer_sets, published_speed
from tests.aiot_analysis.charts import samples


def test_a_submission_has_its_answer_set_and_where_it_was_published() -> None:
    made = answer_sets.published_accuracy(samples.submissions())
    assert made.rows["line"].tolist() == ["A · Phone X", "B · Phone Y"]
    assert made.rows[["accuracy", "accuracy_low", "accuracy_high"]].values.tolist()[0] == [0.76, 0.74, 0.77]
    assert {fact.label for fact in made.facts} >= {"answer set of the submission", "submitted by", "publication"}
    assert [series.name for series in made.series] == ["Maker", "Other"]


def test_a_cell_has_the_images_in_which_two_submissions_differ_and_the_diagonal_has_no_number() -> None:
    rows = answer_sets.disagreement(samples.differences()).rows.set_index(["line", "column"])
    assert rows.loc[("A · Phone X", "B · Phone Y"), ["differ", "text", "share"]].tolist() == [100, "100", 0.002]
    assert rows.loc[("A · Phone X", "A · Phone X"), "text"] == ""


def test_bars_of_samples_are_beside_each_other_and_the_true_spread_is_a_line() -> None:
    rows = answer_sets.sample_spread(*samples.spreads()).rows.set_index("mark")
    bars = rows.loc["samples"]
    assert bars[["start", "end"]].values.tolist() == [pytest.approx([0.115, 0.285]), pytest.approx([0.315, 0.485])]
    assert bars["high"].tolist() == [0.3, 0.7]
    assert rows.loc["all images", "value"] == 0.1 and rows.loc["their median", "value"] == 0.4
    assert rows.loc["95% of them", ["start", "end"]].tolist() == pytest.approx([0.1, 0.5])
    assert set(rows["panel"]) == {"ResNet50, 2 answer sets"}


def test_significant_samples_are_on_top_of_the_others() -> None:
    made = answer_sets.pair_change(*samples.pair(), ("Phone X", "Phone Y"))
    bars = made.rows[made.rows["mark"].isin(["samples", "significant"])]
    assert bars[["mark", "value", "low", "high", "share"]].values.tolist() == [
        ["samples", -0.2, 0.0, 0.2, 0.2],
        ["samples", 0.0, 0.0, 0.5, 0.5],
        ["samples", 0.2, 0.0, pytest.approx(0.2), pytest.approx(0.2)],
        ["significant", 0.2, pytest.approx(0.2), 0.3, 0.1],
    ]
    assert made.rows.loc[made.rows["mark"] == "all images", "value"].tolist() == [0.1]
    counts, pair = samples.pair()
    assert answer_sets.pair_change(counts, pair.head(0)).rows.empty


def test_classes_keep_their_order_and_their_intervals() -> None:
    rows = answer_sets.unstable_classes(samples.classes()).rows
    assert rows[["class_name", "instability", "instability_low", "instability_high"]].values.tolist() == [
        ["hook", 0.5, 0.3, 0.6],
        ["candle", 0.4, 0.3, 0.6],
    ]


def test_published_times_have_a_panel_per_runtime_in_the_order_of_figures() -> None:
    rows = published_speed.complexity(samples.jobs(2)).rows
    assert rows["runtime"].drop_duplicates().tolist() == ["TFLite", "QNN"]
    assert len(rows) == 8
    assert set(rows.loc[rows["device_id"] == "p01", "latency_ms"]) == {11.0}


def test_the_network_for_which_runtimes_differ_most_is_on_top() -> None:
    made = published_speed.runtime_shares(samples.runtimes())
    assert made.views[0].spec["layer"][0]["encoding"]["y"]["sort"] == ["ViT", "BEiT"]
    assert made.rows.set_index(["model", "runtime"])["share"].to_dict() == {
        ("BEiT", "QNN"): 0.5,
        ("BEiT", "TFLite"): 0.5,
        ("ViT", "QNN"): 0.2,
        ("ViT", "TFLite"): 0.8,
    }


def test_integers_have_speed_and_accuracy_with_intervals() -> None:
    rows = published_speed.quantized(samples.integers(1)).rows
    columns = ["runtime", "quantization", "speed_up", "change", "change_low", "change_high"]
    assert rows[columns].values.tolist() == [["QNN", "w8a8", 2.0, -0.01, -0.03, 0.01]]


def test_jobs_without_a_time_on_the_npu_are_left_out_and_the_slowest_network_is_on_top() -> None:
    made = published_speed.off_npu(samples.off_npu(2), samples.devices(2))
    assert len(made.rows) == 4
    [order] = [layer["encoding"]["y"]["sort"] for layer in made.views[0].spec["layer"] if "y" in layer["encoding"]]
    assert order == ["ViT, w8a8", "BEiT, w8a8"]
    assert [series.name for series in made.series] == ["Oppo Model 00", "Honor Model 01"]


def test_ranks_have_those_of_other_jobs_and_of_other_suites() -> None:
    rows = published_speed.rank_ranges(samples.ranks(3)).rows
    columns = ["device_id", "rank", "rank_low", "rank_high", "suite_min", "suite_max"]
    assert rows[columns].values.tolist() == [["p00", 1, 1, 3, 1, 1], ["p01", 2, 1, 3, 1, 2], ["p02", 3, 1, 3, 1, 3]]
