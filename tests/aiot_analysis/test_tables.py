import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from aiot_analysis import tables
from aiot_analysis.errors import DataError

from .conftest import device, images, instance, instances

ID = "tflite_cpu_int8_mnasnet"


@pytest.fixture
def processed(tmp_path):
    return tmp_path / "processed"


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("instances", [instance(ID, verdict="perhaps")], r"Table instances, column verdict: 'perhaps' fails isin"),
        ("instances", [instance(ID, accuracy=1.5)], r"Table instances, column accuracy: 1\.5 fails less_than_or_equal"),
        ("instances", [instance(ID, images=-1)], r"Table instances, column images: -1 fails greater_than_or_equal"),
        ("instances", [instance(ID, threads="many")], r"Table instances, column threads: 'many' fails coerce_dtype"),
        ("instances", [instance(ID, timing=None)], r"Table instances, column timing: .* fails not_nullable"),
        ("devices", [device(paper_id=52)], r"Table devices, column paper_id: 52 fails less_than_or_equal_to\(51\)"),
        ("devices", [device(origin="dreamt")], r"Table devices, column origin: 'dreamt' fails isin"),
        ("devices", [device(), device()], r"Table devices, column device_id: 'local' fails .*unique"),
        ("left_out", [{"path": "a"}], r"Table left_out, column reason: .* fails not_nullable"),
    ],
)
def test_a_value_that_is_not_of_the_schema_is_named_with_its_column(name, rows, message):
    with pytest.raises(DataError, match=message) as caught:
        tables.table(name, rows)
    assert "\n" not in str(caught.value)


def test_a_device_may_be_measured_and_simulated():
    frame = tables.table("devices", [device(), device(origin="simulated")])
    assert frame["origin"].tolist() == ["measured", "simulated"]


def test_missing_columns_become_null_and_have_the_types_of_the_schema():
    frame = tables.table("devices", [device()])
    assert frame.columns.tolist() == list(tables.TABLES["devices"].to_schema().columns)
    assert frame[["soc", "ram_gb", "paper_id", "max_mhz"]].isna().all(axis=None)
    assert (str(frame["paper_id"].dtype), str(frame["ram_gb"].dtype)) == ("Int64", "float64")


def test_columns_that_are_not_of_the_schema_are_not_kept():
    assert "colour" not in tables.table("devices", [device(colour="red")])


@pytest.mark.parametrize("name", list(tables.TABLES))
def test_an_empty_table_is_read_as_it_was_written(name, processed):
    empty = tables.table(name, [])
    tables.write(name, empty, processed)
    found = tables.read(name, processed)
    assert found.empty
    assert found.columns.tolist() == empty.columns.tolist()
    assert_frame_equal(found, empty, check_dtype=name != "images")


def test_what_is_written_is_read_with_its_nulls_and_types(processed):
    rows = instances(instance(ID), instance("tflite_nnapi_int8_mnasnet", None, None, threads=None, attempt=None))
    tables.write("instances", rows, processed)
    found = tables.read("instances", processed)
    assert_frame_equal(found, rows)
    assert found["threads"].tolist() == [1, pd.NA]
    assert str(found["threads"].dtype) == "Int64"


def test_image_records_are_read_as_they_were_written(processed):
    some = images(ID, [True, False], [10.0, 20.0])
    failed = some.assign(query=some["query"] + 2, top1=pd.NA, top5=None, inference_ms=None, failed=True)
    frame = tables.table("images", pd.concat([some, tables.table("images", failed)], ignore_index=True))
    tables.write("images", frame, processed)
    found = tables.read("images", processed)
    assert_frame_equal(found.drop(columns="top5"), frame.drop(columns="top5"))
    assert [None if top5 is None else list(top5) for top5 in found["top5"]] == [[0, 1, 2, 3, 4]] * 2 + [None] * 2


def test_images_are_one_file_a_device_and_filters_read_only_what_is_asked_for(processed):
    parts = [
        images(ID, [True], [10.0]),
        images(ID, [True, False], [10.0, 20.0], device_id="phone", origin="imported"),
        images("tflite_cpu_float32_mnasnet", [False], [30.0], device_id="phone"),
    ]
    tables.write("images", pd.concat(parts), processed)
    assert sorted(path.name for path in (processed / "images").iterdir()) == ["local.parquet", "phone.parquet"]
    assert len(tables.read("images", processed)) == 4
    assert tables.read("images", processed, device_id=["phone"])["end_to_end_ms"].tolist() == [10.0, 20.0, 30.0]
    assert len(tables.read("images", processed, device_id=["phone"], instance_id=[ID])) == 2
    assert len(tables.read("images", processed, origin=["imported", "measured"], instance_id=[ID])) == 3
    assert tables.read("images", processed, origin=["simulated"]).empty


def test_images_of_devices_that_are_no_longer_there_go(processed):
    both = pd.concat([images(ID, [True], [1.0]), images(ID, [True], [1.0], device_id="phone")])
    tables.write("images", both, processed)
    tables.write("images", both[both["device_id"] == "phone"], processed)
    assert [path.name for path in (processed / "images").iterdir()] == ["phone.parquet"]


def test_what_an_interrupted_write_left_is_not_read(processed):
    tables.write("images", images(ID, [True], [1.0]), processed)
    (processed / "images" / "phone.parquet.part").write_bytes(b"PAR1 half a file")
    (processed / "devices.parquet.part").write_bytes(b"PAR1 half a file")
    assert len(tables.read("images", processed)) == 1
    with pytest.raises(DataError, match="There is no table devices"):
        tables.read("devices", processed)


def test_a_write_that_fails_leaves_the_table_that_was_there(processed, monkeypatch):
    tables.write("devices", tables.table("devices", [device()]), processed)

    def breaks(content, path):
        path.write_bytes(b"PAR1")
        raise OSError("no space is left")

    monkeypatch.setattr(tables.parquet, "write_table", breaks)
    with pytest.raises(OSError, match="no space is left"):
        tables.write("devices", tables.table("devices", [device("phone")]), processed)
    assert tables.read("devices", processed)["device_id"].tolist() == ["local"]


def test_a_table_that_is_not_there_says_what_to_run(processed):
    with pytest.raises(DataError, match=r"There is no table images in .*processed: run `aiot process` first\."):
        tables.read("images", processed)
