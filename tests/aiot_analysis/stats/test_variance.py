"""Tests of differences from run to run, as estimated from sessions, and of the allowance without sessions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.stats import variance
from tests.aiot_analysis.conftest import instance, instances
from tests.examples import examples

ALLOWED = np.log(1.05) / 1.959964 / np.sqrt(2)  # of one run if two agree within 5% in 19 of 20 cases
MODELS = [f"model{number}" for number in range(12)]
SUITE = instances(*(instance(f"tflite_cpu_float32_{model}", images=500) for model in MODELS))


def run(day: int, hour: float = 0.0, hours: float = 1.0, device: str = "phone", boot: str | None = None) -> dict:
    start = pd.Timestamp(f"2026-11-{day:02}T00:00:00Z") + pd.Timedelta(hours=hour)
    ended = (start + pd.Timedelta(hours=hours)).isoformat()
    return {"run_id": f"{start:%Y%m%dT%H%M%S}-aaaaaa", "device_id": device, "started": start.isoformat(),
            "ended": ended, "boot_id": boot}  # fmt: skip


def rows(runs: list[dict], times: np.ndarray) -> pd.DataFrame:
    """Return the table `instances` from times in ms, of shape (runs, models), that scatter by 10% over 500 images."""
    suite_rows = SUITE.iloc[: times.shape[1]]
    parts = [
        suite_rows.assign(end_to_end_ms_mean=row, end_to_end_ms_sd=0.1 * row, **facts)
        for facts, row in zip(runs, times, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def drawn(sessions: int, own: float, shared: float, seed: int, models: int = 12) -> pd.DataFrame:
    """Return one run per day whose log times differ as in the model."""
    rng = np.random.default_rng(seed)
    base = np.linspace(2, 5, models)
    within = rng.normal(0, 0.1 / np.sqrt(500), (sessions, models))
    logs = base + rng.normal(0, shared, (sessions, 1)) + rng.normal(0, own, (sessions, models)) + within
    return rows([run(day + 1) for day in range(sessions)], np.exp(logs))


def test_runs_close_in_time_are_one_session_until_the_device_starts_anew():
    runs = [run(1), run(1, 1.5), run(1, 3.6), run(2), run(2, 1.2, boot="a"), run(2, 2.4, boot="b"), run(2, 3.5)]
    table = rows(runs, np.ones((7, 1)))
    # 30 min after the end of the first; 66 min; the next day; 12 min; started anew; not known to be
    assert variance.sessions(table).tolist() == [1, 1, 2, 3, 3, 4, 4]


def test_sessions_are_numbered_by_device_whatever_the_order_of_the_rows():
    table = rows([run(2), run(1), run(1, device="other")], np.ones((3, 2)))
    assert variance.sessions(table).tolist() == [2, 2, 1, 1, 1, 1]
    assert variance.sessions(table.iloc[:0]).empty


def test_a_long_run_that_covers_a_short_one_ends_the_session():
    table = rows([run(1, 0, 5.0), run(1, 1.0, 0.1), run(1, 5.5)], np.ones((3, 1)))
    assert variance.sessions(table).tolist() == [1, 1, 1]


def test_tables_from_before_the_columns_were_there_have_sessions_too():
    table = rows([run(1), run(1, 0.5), run(3)], np.ones((3, 1))).drop(columns=["ended", "boot_id"])
    assert variance.sessions(table).tolist() == [1, 1, 2]


def test_one_run_has_the_allowance_and_says_so():
    table = drawn(1, 0.0, 0.0, 0)
    result = variance.with_noise(table, table)
    assert result["run_sd"].tolist() == pytest.approx([ALLOWED] * 12)
    assert np.isinf(result[["run_freedom", "shared_freedom"]]).all(axis=None)
    assert set(result["sessions"]) == {1}
    assert variance.describe_noise(result) == "95%, including an assumed 5% between runs"
    wider = variance.with_noise(table, table, run_to_run=0.1)
    assert variance.describe_noise(wider) == "95%, including an assumed 10% between runs"
    assert wider["run_sd"].tolist() == pytest.approx([np.log(1.1) / 1.959964 / np.sqrt(2)] * 12)


def test_runs_of_one_session_tell_nothing_of_another_one():
    table = rows(
        [run(1, hour) for hour in (0, 1.2, 2.4, 3.6)], np.exp(np.random.default_rng(0).normal(2, 0.1, (4, 12)))
    )
    result = variance.with_noise(table[table["run_id"] == table["run_id"].max()], table)
    assert np.isinf(result["run_freedom"]).all() and set(result["sessions"]) == {1}


def test_the_components_of_two_sessions_by_hand():
    """Sessions are 2% apart for half of the models and 6% for the others: 4% for all, plus or minus 2%."""
    steps = np.array([0.02] * 6 + [0.06] * 6)
    table = rows([run(1), run(2)], np.exp([np.full(12, 2.0), 2 + steps]))
    result = variance.with_noise(table[table["run_id"].str.contains("1102")], table).iloc[0]
    # residuals are +-0.01 in each session of each model, with 24 - 13 degrees of freedom; 0.1^2 / 500 is within runs
    assert result["run_freedom"] == 11 and result["sessions"] == 2
    assert result["run_sd"] == pytest.approx(np.sqrt(24 * 0.01**2 / 11 - 0.1**2 / 500))
    # one difference of two sessions says too little about what they share
    assert result["shared_sd"] == pytest.approx(ALLOWED) and np.isinf(result["shared_freedom"])


def test_the_standard_errors_of_runs_are_what_is_subtracted_where_tables_have_them():
    """The previous case, by hand, with autocorrelation that makes the error within a run 1.5 times as large."""
    steps = np.array([0.02] * 6 + [0.06] * 6)
    table = rows([run(1), run(2)], np.exp([np.full(12, 2.0), 2 + steps]))
    dependent = table.assign(end_to_end_ms_se=1.5 * 0.1 / np.sqrt(500) * table["end_to_end_ms_mean"])
    result = variance.with_noise(dependent, dependent).iloc[0]
    assert result["run_sd"] == pytest.approx(np.sqrt(24 * 0.01**2 / 11 - 1.5**2 * 0.1**2 / 500))
    unknown = table.assign(end_to_end_ms_se=np.nan)
    assert variance.with_noise(unknown, unknown)["run_sd"].equals(variance.with_noise(table, table)["run_sd"])


def test_estimates_are_right_on_average_and_say_how_sure_they_are():
    fleets = [drawn(6, 0.02, 0.01, seed).assign(device_id=f"phone-{seed}") for seed in range(60)]
    table = pd.concat(fleets, ignore_index=True)
    result = variance.with_noise(table.drop_duplicates("device_id", keep="last").reset_index(drop=True), table)
    assert np.sqrt((result["run_sd"].astype(float) ** 2).mean()) == pytest.approx(0.02, rel=0.06)
    assert np.sqrt((result["shared_sd"].astype(float) ** 2).mean()) == pytest.approx(0.01, rel=0.2)
    assert set(result["run_freedom"]) == {55} and set(result["shared_freedom"]) == {5}
    # so many degrees of freedom scatter an estimate of a variance by sqrt(2 / 55) of it
    spread = (result["run_sd"].astype(float) ** 2).std() / 0.02**2
    assert spread == pytest.approx(np.sqrt(2 / 55), rel=0.3)


SCATTER = "the scatter between {} sessions ({} degrees of freedom)"
TOGETHER = "the scatter of all instances together (5 degrees of freedom)"


@pytest.mark.parametrize(
    ("sessions", "whole", "words"),
    [
        (1, False, "an assumed 5% between runs"),
        (1, True, "an assumed 5% between runs"),
        (2, False, SCATTER.format(2, 11)),
        (2, True, f"{SCATTER.format(2, 11)} and an assumed 5% of all instances together"),
        (6, False, SCATTER.format(6, 55)),
        (6, True, f"{SCATTER.format(6, 55)} and {TOGETHER}"),
    ],
)
def test_words_name_each_component_that_an_interval_has_and_whether_it_was_estimated(sessions, whole, words):
    """What all instances of a session share cancels in a ratio, but not in a mean time or a score."""
    every = drawn(sessions, 0.02, 0.01, 0)
    rows = variance.with_noise(every[every["run_id"] == every["run_id"].max()], every)
    assert variance.describe_noise(rows, whole) == f"95%, including {words}"
    # the words agree with the numbers: an allowance has no degrees of freedom
    of_score, freedom = variance.sum_variance(rows, np.full(len(rows), 1 / len(rows)))
    assert np.isinf(freedom) == (sessions == 1) and of_score > 0


def test_words_for_ratios_of_instances_of_different_sessions_name_what_a_session_shares():
    every = drawn(2, 0.02, 0.01, 0)
    first, second = every.iloc[:3], every.iloc[12:]
    rows = variance.with_noise(pd.concat([first, second.iloc[3:]]), every)
    assert (
        variance.describe_noise(rows)
        == f"95%, including {SCATTER.format(2, 11)} and an assumed 5% of all instances together"
    )


def test_instances_measured_in_another_way_are_not_compared_between_sessions():
    table = drawn(2, 0.02, 0.0, 1)
    table.loc[table["run_id"].str.contains("1102"), "threads"] = 4
    assert np.isinf(variance.with_noise(table, table)["run_freedom"]).all()


def test_what_instances_of_a_session_share_cancels_in_their_ratio_and_counts_in_a_score():
    base = pd.DataFrame({"device_id": ["phone"] * 3, "session": [1, 1, 2], "sessions": 9, "run_to_run": 0.05,
                         "run_sd": 0.03, "run_freedom": 40.0, "shared_sd": 0.04, "shared_freedom": 8.0})  # fmt: skip
    first, other = base.iloc[[0, 0]], base.iloc[[1, 2]]
    squares, freedom = variance.ratio_variance(first, other)
    assert squares.tolist() == pytest.approx([2 * 0.03**2, 2 * 0.03**2 + 2 * 0.04**2])
    assert freedom[0] == pytest.approx(40)
    own, shared = 2 * 0.03**2, 2 * 0.04**2
    assert freedom[1] == pytest.approx((own + shared) ** 2 / (own**2 / 40 + shared**2 / 8))
    square, _ = variance.sum_variance(base, np.array([0.5, 0.3, 0.2]))
    assert square == pytest.approx(0.03**2 * (0.25 + 0.09 + 0.04) + 0.04**2 * (0.8**2 + 0.2**2))


def test_an_allowance_covers_runs_that_differ_in_either_way():
    """Two instances of a run differ most if they vary independently; a sum of shares varies most if all vary alike."""
    table = variance.assumed(instances(*(instance(f"tflite_cpu_float32_{model}") for model in MODELS[:4])))
    squares, freedom = variance.ratio_variance(table.iloc[[0]], table.iloc[[1]])
    assert np.sqrt(squares[0]) == pytest.approx(np.log(1.05) / 1.959964) and np.isinf(freedom[0])
    square, freedom = variance.sum_variance(table, np.full(4, 0.25))
    assert np.sqrt(square) == pytest.approx(ALLOWED) and np.isinf(freedom)
    assert np.sqrt(variance.log_time_variance(table)[0]).tolist() == pytest.approx([ALLOWED] * 4)


@given(st.floats(0, 0.5), st.integers(1, 3))
@examples(20)
def test_rows_without_runs_of_their_own_vary_by_the_allowance_and_by_nothing_where_it_is_nothing(allowed, count):
    table = variance.assumed(instances(*(instance(f"tflite_cpu_float32_{model}") for model in MODELS[:count])), allowed)
    squares, _ = variance.log_time_variance(table)
    assert np.exp(np.sqrt(2 * squares) * 1.959964).tolist() == pytest.approx([1 + allowed] * count, rel=1e-6)
    assert variance.assumed(table, 0.7) is table


def test_words_for_a_fleet_of_which_some_were_measured_again():
    once, again = drawn(1, 0, 0, 0).assign(device_id="once"), drawn(3, 0.02, 0.01, 0)
    table = pd.concat([once, again[again["run_id"] == again["run_id"].max()]], ignore_index=True)
    every = pd.concat([once, again], ignore_index=True)
    words = variance.describe_noise(variance.with_noise(table, every))
    assert words == (
        "95%, including an assumed 5% between runs on 1 device; "
        "the scatter between 3 sessions (22 degrees of freedom) on 1 other device"
    )
    assert variance.describe_noise(table.iloc[:0]) == "none, since there are no data"
