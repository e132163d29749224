"""Raw logs and processed tables that an earlier version wrote are read as they were meant.

`tests/older` has four instances of one simulated phone, and the tables made of them at the time. No file there
is ever written again; what a later version has to read differently is a fault of that version.
"""

import shutil
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

import aiot_analysis
from aiot_analysis import ingest
from aiot_analysis.tables import dependence, storage
from aiot_analysis.tables.schemas import ADDED

OLDER = Path(__file__).parent / "older"
MNASNET = ["caffe2_cpu", "pytorch_cpu", "tflite_cpu", "tflite_nnapi"]


def test_tables_load_as_they_are():
    data = aiot_analysis.load(OLDER / "processed", "simulated")
    results = data.results()
    assert sorted(results["framework"] + "_" + results["delegate"]) == MNASNET
    images = data.images(model="mnasnet")
    assert len(images) == 4 * 4
    assert results[["publication", "layers_npu", "summary_p99_ms"]].isna().all(axis=None)
    assert storage.read("instances", OLDER / "processed", ["model"], publisher="MLCommons").empty
    means = images.groupby("instance_id")["end_to_end_ms"].mean()
    stored = results.set_index("instance_id")["end_to_end_ms_mean"]
    assert stored.to_dict() == pytest.approx(means.to_dict())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The tables that this version makes of the older raw logs."""
    folder = tmp_path_factory.mktemp("older")
    shutil.copytree(OLDER / "raw", folder / "raw")
    ingest.process(folder / "raw", folder / "processed")
    return folder / "processed"


@pytest.mark.parametrize("name", storage.TABLES)
def test_raw_logs_give_the_tables_that_they_gave(made, name):
    older, now = (storage.read(name, folder) for folder in (OLDER / "processed", made))
    assert set(older.columns) == set(now.columns)
    older = older.drop(columns=ADDED.get(name, []))
    if "reasons" in older:  # text for readers, whose wording may change
        assert (now["reasons"] != "").equals(older["reasons"] != "")
        older, now = (table.drop(columns="reasons") for table in (older, now))
    assert_frame_equal(now[list(older.columns)], older, check_categorical=False)


def test_tables_of_older_logs_gain_the_standard_errors_of_their_means(made):
    results, images = (storage.read(name, made).set_index("instance_id") for name in ("instances", "images"))
    for instance_id, times in images.sort_values("query").groupby("instance_id", observed=True)["end_to_end_ms"]:
        [error], _ = dependence.errors(times.to_numpy()[None])
        assert results.loc[instance_id, "end_to_end_ms_se"] == pytest.approx(error) and error > 0
