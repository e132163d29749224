"""Tests that raw logs and processed tables of an earlier version are read with their original meaning.

`tests/older` has four instances of one simulated phone, and the tables made from them at the time. These files never
change: if a later version reads them differently, that version is wrong.
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
def current_tables(tmp_path_factory):
    """Make the tables from the older raw logs with this version, and return their folder."""
    folder = tmp_path_factory.mktemp("older")
    shutil.copytree(OLDER / "raw", folder / "raw")
    ingest.process(folder / "raw", folder / "processed")
    return folder / "processed"


@pytest.mark.parametrize("name", storage.TABLES)
def test_raw_logs_give_the_tables_that_they_gave(current_tables, name):
    older, current = (storage.read(name, folder) for folder in (OLDER / "processed", current_tables))
    assert set(older.columns) == set(current.columns)
    older = older.drop(columns=ADDED.get(name, []))
    if "reasons" in older:  # text for readers, whose wording may change
        assert (current["reasons"] != "").equals(older["reasons"] != "")
        older, current = (table.drop(columns="reasons") for table in (older, current))
    assert_frame_equal(current[list(older.columns)], older, check_categorical=False)


def test_tables_of_older_logs_gain_the_standard_errors_of_their_means(current_tables):
    results, images = (storage.read(name, current_tables).set_index("instance_id") for name in ("instances", "images"))
    for instance_id, times in images.sort_values("query").groupby("instance_id", observed=True)["end_to_end_ms"]:
        [error], _ = dependence.errors(times.to_numpy()[None])
        assert results.loc[instance_id, "end_to_end_ms_se"] == pytest.approx(error) and error > 0
