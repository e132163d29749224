"""Charts of latency have the values, the order and the intervals of the frames that printed figures draw."""

import pytest

from aiot_analysis.charts import latency
from tests.aiot_analysis.charts import samples

NAMES = ["ResNet50, TFLite CPU, float32", "MnasNet, PyTorch, float32", "ResNet50, TFLite NNAPI, INT8"]


def lines(chart) -> list[str]:
    """Names of the lines of a chart from top to bottom."""
    layers = chart.views[0].spec.get("layer", [chart.views[0].spec])
    [order] = {tuple(layer["encoding"]["y"]["sort"]) for layer in layers if "y" in layer["encoding"]}
    return list(order)


def test_instances_are_in_the_order_of_the_paper():
    for name in ("latency tails", "latency distribution", "phases", "slowdown"):
        assert lines(samples.charts(samples.SEVERAL)[name]) == NAMES
        of_many = samples.charts(samples.MANY)[name]
        assert lines(of_many) == ["TFLite CPU, float32", "PyTorch, float32", "TFLite NNAPI, INT8"]
        assert of_many.rows["panel"].unique().tolist() == ["ResNet50", "MnasNet"]


def test_a_few_devices_have_a_panel_each_with_a_mark_per_percentile():
    """The 99th percentile is 2 and 3 times the median on the two devices, and the first image 40 times."""
    made = latency.tails(samples.summary(2), samples.devices(2))
    assert made.panel == "panel"
    of_second = made.rows[(made.rows["panel"] == "Honor Model 01") & (made.rows["instance"] == NAMES[0])]
    first = "first image, with its number of medians"
    end = 1 + 1.12 * (3 - 1)  # beyond the longest tail
    assert of_second.set_index("mark")["place_ratio"].to_dict() == pytest.approx(
        {"90th percentile": 1.5, "99th percentile": 3.0, first: end}
    )
    assert of_second.set_index("mark")["far"].to_dict() == {"90th percentile": "", "99th percentile": "", first: "40×"}
    assert [series.name for series in made.series] == ["median", "90th percentile", "99th percentile", first]


def test_many_devices_have_a_point_each_at_the_ratio_of_the_percentiles_and_the_largest_is_named():
    made = latency.tails(samples.summary(8), samples.devices(8))
    assert made.panel == "panel"
    of_first = made.rows[made.rows["instance"] == NAMES[0]]
    assert of_first["device_id"].tolist() == [f"p{phone:02}" for phone in range(8)]
    assert of_first["tail"].tolist() == [2.0 + phone for phone in range(8)]
    named = made.rows[made.rows["named"] != ""]
    assert named[["device_id", "named", "tail"]].values.tolist() == [["p07", "Honor Model 07", 9.0]]
    assert [series.name for series in made.series][-1] == "median of all: 5.5"


def test_a_single_device_needs_no_panel_with_its_name():
    assert latency.tails(samples.summary(1), samples.devices(1)).panel == ""


def test_a_box_has_all_its_numbers_at_each_of_its_marks():
    rows = latency.distribution(samples.summary(1), samples.devices(1)).rows
    assert set(rows["mark"]) == {"median and quartiles", "longest", "first image"}
    assert rows[["min_ms", "p25_ms", "median_ms", "p75_ms", "max_ms"]].drop_duplicates().values.tolist() == [
        [7.0, 9.0, 10.0, 11.0, 500.0]
    ]


def test_phases_add_up():
    for number in (1, 8):
        rows = latency.phases(samples.phases(number), samples.devices(number)).rows
        assert rows["total_ms"].eq(10.0).all()
        first = rows[(rows["device_id"] == "p00") & (rows["instance"] == NAMES[0])]
        assert first["phase"].tolist() == ["decode", "preprocess", "inference", "post-process"]


def test_only_unstable_instances_are_shaded_by_score_and_those_without_a_score_have_no_cell():
    rows = latency.stability_scores(samples.stability(8), samples.devices(8)).rows
    groups = rows.groupby("instance")["group"].unique().map(list).to_dict()
    assert groups == {NAMES[0]: ["unstable, 0.8 to 0.9"], NAMES[1]: ["stable"]}
    few = latency.stability_scores(samples.stability(2), samples.devices(2)).rows
    assert few.groupby("instance")["mark"].unique().map(list).to_dict() == {
        NAMES[0]: ["unstable"],
        NAMES[1]: ["stable"],
    }


def test_cells_of_undecided_instances_are_not_those_of_instances_that_were_not_run():
    frame = samples.stability(8)
    undecided = frame["instance_id"] == samples.INSTANCES[2]
    frame = frame.assign(steadiness=frame["steadiness"].mask(undecided, "cannot be decided"))
    absent = (frame["instance_id"] == samples.INSTANCES[1]) & (frame["device_id"] == "p03")
    whole, gap = latency.stability_scores(frame), latency.stability_scores(frame[~absent])
    groups = [("unstable, 0.8 to 0.9", 8), ("stable", 8), ("cannot be decided", 8)]
    assert whole.rows["group"].value_counts().to_dict() == dict(groups)
    assert [series.name for series in whole.series] == [name for name, _ in groups]
    assert [series.name for series in gap.series] == [*(name for name, _ in groups), "not run"]
    assert len({series.color for series in gap.series}) == 4


def test_slowdowns_keep_their_intervals():
    for number in (2, 8):
        rows = latency.slowdown(samples.bursts(number), samples.devices(number)).rows
        assert len(rows) == 3 * number
        assert rows[["slowdown_low", "slowdown", "slowdown_high"]].drop_duplicates().values.tolist() == [
            [1.1, 1.2, 1.3]
        ]


def test_images_beyond_the_axis_are_at_its_top_and_keep_their_time():
    rows = latency.along_run(samples.times_along_run(), samples.moved(), samples.devices(1)).rows.set_index("mark")
    assert rows.loc["longer than drawn", ["ms", "shown_ms"]].tolist() == [100.0, 27.0]  # 1.35 times the longest median
    assert rows.loc["image", "shown_ms"].tolist() == [10.0, 20.0]
    assert rows["panel"].unique().tolist() == ["Oppo Model 00: ResNet50, TFLite CPU, float32"]
    change = rows.loc["change in level"]
    assert change[["query", "before_ms", "after_ms", "start", "end"]].tolist() == [1.0, 10.0, 20.0, 0.0, 2.0]


def test_a_change_that_is_not_significant_is_not_drawn():
    rows = latency.along_run(samples.times_along_run(), samples.moved(p_value=0.2), samples.devices(1)).rows
    assert set(rows["mark"]) == {"image", "longer than drawn", "median of a part"}
