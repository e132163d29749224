import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from aiot_analysis.stats import accuracy, resize
from tests.aiot_analysis.conftest import images, instance, instances
from tests.examples import examples

ONE, TWO = "tflite_cpu_float32_mnasnet", "tflite_cpu_float32_resnet50"


def row(way, id_=ONE, run=1, **other):
    return instance(id_, study="resize", resize=way, run_id=f"r{run}-{way}", **other)


def shown(way, correct, id_=ONE, time_ms=None, **other):
    return images(id_, correct, time_ms or [10.0] * len(correct), run_id=f"r1-{way}", **other)


def right(n, total):
    return [True] * n + [False] * (total - n)


def test_a_row_for_each_instance_and_way_in_the_papers_order():
    table = instances(*(row(way, id_) for id_ in (ONE, TWO) for way in reversed(resize.WAYS)))
    result, left_out = resize.rows(table)
    assert result[["model", "resize"]].values.tolist() == [
        [model, way] for model in ("resnet50", "mnasnet") for way in resize.WAYS
    ]
    assert left_out.empty


def test_only_what_was_measured_alike_is_compared_and_the_rest_is_named():
    table = instances(
        row("crop_resize", run=1, threads=2),
        row("crop_resize", run=2),
        row("resize_crop", run=1, model_sha256="old"),
        row("square_crop", run=1),
        row("square_crop", run=2),
        row("square_crop", run=3, accuracy=None, time_ms=None),
        instance(ONE, study="profile"),
    )
    result, left_out = resize.rows(table)
    assert result["run_id"].tolist() == ["r2-crop_resize", "r2-square_crop"]
    assert dict(zip(left_out["run_id"], left_out["reasons"], strict=True)) == {
        "r1-crop_resize": "measured under other conditions than the latest run",
        "r1-resize_crop": "measured under other conditions than the latest run",
        "r1-square_crop": "a later run is used",
        "r3-square_crop": "not offered here",
    }


def test_no_study_no_rows():
    rows, left_out = resize.rows(instances())
    assert rows.empty and left_out.empty
    nothing = images(ONE, [True], [1.0]).head(0)
    result = resize.changes(rows, nothing)
    assert resize.summary(rows, nothing).empty and result.empty
    assert (resize.verdict(result), resize.verdict_counts(result)) == ("cannot be decided", "no comparison")


def test_times_are_means_over_images_with_an_interval_around_them():
    records = shown("crop_resize", [True] * 3, time_ms=[10.0, 20.0, 30.0])  # 10% decode, 10% preprocess
    rows, _ = resize.rows(instances(row("crop_resize", accuracy=0.7)))
    result = resize.summary(rows, records).iloc[0]
    assert (result["preprocess_ms"], result["decode_preprocess_ms"]) == pytest.approx((2.0, 4.0))
    # the standard error is sqrt(2 / 3) / sqrt(2) / 2 = 0.2887 of the mean, with one degree of freedom; what another run
    # may add is 0.0176 of the mean
    reach = t.ppf(0.975, (1 + (0.0176 / 0.2887) ** 2) ** 2) * np.hypot(0.2887, 0.0176)
    ends = result[["preprocess_ms_low", "preprocess_ms_high"]].astype(float)
    assert ends.tolist() == pytest.approx([2 * np.exp(-reach), 2 * np.exp(reach)], rel=1e-3)
    low, middle = result["decode_preprocess_ms_low"], result["preprocess_ms_low"]
    assert low == pytest.approx(2 * middle)
    assert result["accuracy_low"] == pytest.approx(0.6584, abs=5e-5)  # Wilson, 350 of 500


@given(st.lists(st.sampled_from([0.1, 0.3, 7.7]) | st.floats(0.01, 1e4), min_size=1, max_size=300))
@examples(20)
def test_the_interval_of_a_time_holds_its_mean_and_is_within_what_was_measured(times):
    rows, _ = resize.rows(instances(row("crop_resize")))
    result = resize.summary(rows, shown("crop_resize", [True] * len(times), time_ms=times)).iloc[0]
    low, mean, high = result[["preprocess_ms_low", "preprocess_ms", "preprocess_ms_high"]]
    if len(times) == 1:
        assert np.isnan([low, high]).all(), "one image is too few for a test"
    else:
        assert 0 < low < mean < high
        assert mean / low == pytest.approx(high / mean)


def test_an_image_that_failed_has_no_time():
    records = shown("crop_resize", [True, True, False], time_ms=[10.0, 10.0, 5000.0])
    records["failed"] = [False, False, True]
    rows, _ = resize.rows(instances(row("crop_resize")))
    assert resize.summary(rows, records)["preprocess_ms"].tolist() == pytest.approx([1.0])
    assert resize.summary(rows, records.head(0))["preprocess_ms"].isna().all()


@pytest.mark.parametrize(
    ("other", "total", "verdict"),
    [
        (right(350, 500), 500, "holds"),  # the same images, so Newcombe's interval is within 2%
        (right(250, 500), 500, "does not hold"),  # 20% fewer
        (right(340, 500), 500, "cannot be decided"),  # 2% fewer
        (right(35, 50), 50, "cannot be decided"),  # the same change on few images
    ],
)
def test_the_verdict_by_its_rule(other, total, verdict):
    rows, _ = resize.rows(instances(row("crop_resize"), row("square_crop")))
    records = pd.concat([shown("crop_resize", right(7 * total // 10, total)), shown("square_crop", other)])
    result = resize.changes(rows, records)
    assert result["verdict"].tolist() == [verdict]
    assert result["n_images"].tolist() == [total]
    assert result["change"].tolist() == pytest.approx([(sum(other) - 7 * total // 10) / total])
    assert resize.verdict(result) == verdict
    assert resize.verdict_counts(result) == f"1 comparison: 1 {verdict}"


def test_simulated_ways_are_by_construction():
    rows, _ = resize.rows(instances(row("crop_resize"), row("square_crop")).assign(origin="simulated"))
    result = resize.changes(rows, pd.concat([shown(way, right(5, 9)) for way in ("crop_resize", "square_crop")]))
    assert result[["verdict", "mark"]].to_numpy().tolist() == [["cannot be decided", ""]]
    result = resize.changes(rows, pd.concat([shown(way, right(500, 500)) for way in ("crop_resize", "square_crop")]))
    assert result[["verdict", "mark"]].to_numpy().tolist() == [["holds", "by construction"]]


@given(st.lists(st.sampled_from(["holds", "does not hold", "cannot be decided"]), max_size=8))
def test_over_all_comparisons_one_that_does_not_hold_decides(verdicts):
    result = resize.verdict(pd.DataFrame({"verdict": verdicts}, dtype=object))
    assert (result == "does not hold") == ("does not hold" in verdicts)
    assert (result == "holds") == (set(verdicts) == {"holds"})


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60), st.floats(0.0, 1.0))
@examples(30)
def test_a_verdict_never_contradicts_the_interval(answers, little):
    base, other = (list(outcome) for outcome in zip(*answers, strict=True))
    rows, _ = resize.rows(instances(row("crop_resize"), row("square_crop")))
    records = pd.concat([shown("crop_resize", base), shown("square_crop", other)])
    result = resize.changes(rows, records, little).iloc[0]
    counts = [answers.count(outcome) for outcome in ((True, True), (True, False), (False, True), (False, False))]
    low, high = map(float, accuracy.newcombe(*counts))
    changed = counts[1] + counts[2]
    if not changed or binomtest(counts[1], changed).pvalue >= 0.05:
        low, high = min(low, 0.0), max(high, 0.0)
    assert (result["change_low"], result["change_high"]) == pytest.approx((low, high))
    assert (low > 0 or high < 0) == (result["p_adjusted"] < 0.05)
    if result["verdict"] == "holds":
        assert max(abs(low), abs(high), abs(result["change"])) <= little
    if result["verdict"] == "does not hold":
        assert min(abs(low), abs(high), abs(result["change"])) > little and low * high > 0


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=2))
@examples(60)
def test_rows_of_several_comparisons_agree_with_themselves(counts):
    """Of 100 images, 80 are right with the first way, and each other way loses some and wins others."""
    rows, _ = resize.rows(instances(row("crop_resize"), row("resize_crop"), row("square_crop")))
    base = right(80, 100)
    ways = [right(80 - lost, 80) + right(won, 20) for lost, won in counts]
    records = pd.concat(
        [shown(way, answers_of_way) for way, answers_of_way in zip(resize.WAYS, (base, *ways), strict=True)]
    )
    result = resize.changes(rows, records)
    assert len(result) == 2
    assert result["p_adjusted"].tolist() == pytest.approx((2 * result["p_value"]).clip(upper=1).tolist())
    outside = (result["change_low"] > 0) | (result["change_high"] < 0)
    assert outside.tolist() == (result["p_adjusted"] < 0.05).tolist()
    for (lost, won), change in zip(counts, result.to_dict("records"), strict=True):
        low, high = map(float, accuracy.newcombe(80 - lost, lost, won, 20 - won, level=0.975))
        assert (change["change_low"], change["change_high"]) in [
            pytest.approx((low, high)), pytest.approx((min(low, 0.0), max(high, 0.0))),
        ]  # fmt: skip
