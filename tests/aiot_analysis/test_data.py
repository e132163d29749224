import subprocess
import sys

import pandas as pd
import pytest

import aiot_analysis
from aiot_analysis import data, tables
from aiot_analysis.errors import DataError

from .conftest import device, images, instance, instances

ID = "tflite_cpu_int8_mnasnet"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one measured and one imported device, seen from its folder of notebooks."""
    processed = tmp_path / "data" / "processed"
    rows = instances(instance(ID), instance(ID, device_id="phone", origin="imported"))
    tables.write("instances", rows, processed)
    devices = tables.table("devices", [device(), device("phone", origin="imported")])
    tables.write("devices", devices, processed)
    tables.write("images", images(ID, [True, False], [10.0, 20.0]), processed)
    for name in ("telemetry", "operators", "left_out"):
        tables.write(name, tables.table(name, []), processed)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_a_relative_path_is_found_from_a_folder_below(project):
    assert data.find("data/processed") == project / "data" / "processed"


def test_the_nearest_folder_is_the_one_that_is_found(project):
    (project / "notebooks" / "data" / "processed").mkdir(parents=True)
    assert data.find("data/processed") == project / "notebooks" / "data" / "processed"


def test_an_absolute_path_is_taken_as_it_is(project):
    assert data.find(project / "data") == project / "data"


def test_a_path_that_is_nowhere_is_named(project):
    with pytest.raises(DataError, match=r"There is no data/nowhere here or in a folder above: run `aiot process`"):
        data.find("data/nowhere")


def test_one_origin_is_loaded_with_what_belongs_to_it(project):
    found = data.load()
    assert found.origin == "measured"
    assert found.processed == project / "data" / "processed"
    assert found.devices["device_id"].tolist() == ["local"]
    assert found.instances["device_id"].tolist() == ["local"]
    assert found.images()["end_to_end_ms"].tolist() == [10.0, 20.0]
    assert found.images(image=["image-0001"])["end_to_end_ms"].tolist() == [20.0]
    assert "top5" not in found.images()
    assert found.images(["top5"])["top5"].map(list).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert found.telemetry().empty and found.operators().empty and found.left_out.empty


def test_the_other_origin_has_rows_of_its_own(project):
    found = data.load(origin="imported")
    assert found.devices["device_id"].tolist() == ["phone"]
    assert found.instances.index.tolist() == [0]
    assert found.images().empty


def test_tables_for_readers_name_devices_by_maker_and_model(project):
    devices = [
        device("s20", maker="Samsung", model="Galaxy S20"),
        device("mi", maker="Xiaomi", model="Xiaomi 10"),
        device("one", maker="A", model="B"),
        device("two", maker="A", model="B"),
        device("bare", model=None),
    ]
    tables.write("devices", tables.table("devices", devices), project / "data" / "processed")
    frame = pd.DataFrame({"score": 1.0, "device_id": ["bare", "two", "one", "mi", "s20"]})
    shown = data.load().named(frame)
    assert shown.columns.tolist() == ["score", "device"]
    assert shown["device"].tolist() == ["bare", "A B (two)", "A B (one)", "Xiaomi 10", "Samsung Galaxy S20"]


def test_an_unknown_origin_lists_those_there_are(project):
    with pytest.raises(DataError, match=r"Origin 'guessed' is unknown: choose measured, simulated, imported\."):
        data.load(origin="guessed")


def test_where_nothing_has_the_origin_the_error_lists_what_is_there(project):
    with pytest.raises(DataError, match=r"holds nothing simulated \(it holds imported, measured\): choose another"):
        data.load(origin="simulated")


def test_where_there_is_no_run_the_error_says_so(project):
    tables.write("instances", tables.table("instances", []), project / "data" / "processed")
    with pytest.raises(DataError, match=r"holds nothing measured \(it holds no run at all\)"):
        data.load()


def test_a_folder_without_tables_is_named(project):
    (project / "empty").mkdir()
    with pytest.raises(DataError, match=r"There is no table instances in .*empty: run `aiot process` first"):
        data.load("empty")


def test_the_package_exports_load_and_imports_pandas_only_then():
    assert aiot_analysis.load is data.load
    assert aiot_analysis.Data is data.Data
    with pytest.raises(AttributeError, match="module 'aiot_analysis' has no attribute 'save'"):
        aiot_analysis.save  # noqa: B018
    program = "import sys, aiot_analysis as a; print('pandas' in sys.modules); a.load; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\n"
