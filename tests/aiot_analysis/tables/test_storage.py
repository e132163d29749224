import subprocess
import sys

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from pandas.testing import assert_frame_equal

from aiot_analysis.errors import DataError
from aiot_analysis.tables import storage
from tests.aiot_analysis.conftest import INSTANCE, device, images, instance, instances

ID = "tflite_cpu_int8_mnasnet"
RUN = INSTANCE["run_id"]


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
        storage.table(name, rows)
    assert "\n" not in str(caught.value)


def test_a_device_may_be_measured_and_simulated():
    frame = storage.table("devices", [device(), device(origin="simulated")])
    assert frame["origin"].tolist() == ["measured", "simulated"]


def test_missing_columns_become_null_and_have_the_types_of_the_schema():
    frame = storage.table("devices", [device()])
    assert frame.columns.tolist() == list(storage.TABLES["devices"].to_schema().columns)
    assert frame[["soc", "ram_gb", "paper_id", "max_mhz"]].isna().all(axis=None)
    assert (str(frame["paper_id"].dtype), str(frame["ram_gb"].dtype)) == ("Int64", "float64")


def test_columns_that_are_not_of_the_schema_are_not_kept():
    assert "colour" not in storage.table("devices", [device(colour="red")])


@pytest.mark.parametrize("name", list(storage.TABLES))
def test_an_empty_table_survives_a_round_trip(name, processed):
    empty = storage.table(name, [])
    storage.write(name, empty, processed)
    result = storage.read(name, processed)
    assert result.empty
    assert result.columns.tolist() == empty.columns.tolist()
    assert_frame_equal(result, empty, check_dtype=name != "images", check_categorical=False)


def test_what_is_written_is_read_with_its_nulls_and_types(processed):
    rows = instances(instance(ID), instance("tflite_nnapi_int8_mnasnet", None, None, threads=None, attempt=None))
    storage.write("instances", rows, processed)
    result = storage.read("instances", processed)
    assert_frame_equal(result, rows)
    assert result["threads"].tolist() == [1, pd.NA]
    assert str(result["threads"].dtype) == "Int64"


def test_image_records_are_read_as_they_were_written(processed):
    answered = images(ID, [True, False], [10.0, 20.0])
    failed = answered.assign(query=answered["query"] + 2, top1=pd.NA, top5=None, inference_ms=None, failed=True)
    frame = storage.table("images", pd.concat([answered, storage.table("images", failed)], ignore_index=True))
    storage.write("images", frame, processed)
    result = storage.read("images", processed)
    assert_frame_equal(result.drop(columns="top5"), frame.drop(columns="top5"))
    assert [None if top5 is None else list(top5) for top5 in result["top5"]] == [[0, 1, 2, 3, 4]] * 2 + [None] * 2


def image_files(processed):
    return sorted(
        path.relative_to(processed / "images").as_posix() for path in (processed / "images").rglob("*.parquet")
    )


def test_images_are_one_file_a_run_and_filters_read_only_what_is_asked_for(processed):
    parts = [
        images(ID, [True], [10.0]),
        images(ID, [True, False], [10.0, 20.0], device_id="phone", origin="imported"),
        images("tflite_cpu_float32_mnasnet", [False], [30.0], device_id="phone"),
    ]
    storage.write("images", pd.concat(parts), processed)
    assert image_files(processed) == [f"local/{RUN}.parquet", f"phone/{RUN}.parquet"]
    assert len(storage.read("images", processed)) == 4
    assert storage.read("images", processed, device_id=["phone"])["end_to_end_ms"].tolist() == [10.0, 20.0, 30.0]
    assert len(storage.read("images", processed, device_id=["phone"], instance_id=[ID])) == 2
    assert len(storage.read("images", processed, origin=["imported", "measured"], instance_id=[ID])) == 3
    assert storage.read("images", processed, origin=["simulated"]).empty
    assert storage.read("images", processed, run_id=["another"]).empty


def test_files_of_other_devices_and_runs_are_not_opened(processed):
    parts = [images(ID, [True], [10.0]), images(ID, [True], [20.0], device_id="phone")]
    storage.write("images", pd.concat(parts), processed)
    (processed / "images" / "local" / f"{RUN}.parquet").write_bytes(b"no table")
    assert storage.read("images", processed, device_id=["phone"])["end_to_end_ms"].tolist() == [20.0]
    (processed / "images" / "phone" / "another.parquet").write_bytes(b"no table")
    assert storage.read("images", processed, device_id=["phone"], run_id=[RUN])["end_to_end_ms"].tolist() == [20.0]


def test_only_the_columns_that_are_named_are_read(processed):
    storage.write("images", images(ID, [True, False], [10.0, 20.0]), processed)
    result = storage.read("images", processed, ["correct", "image"], instance_id=[ID])
    assert result.columns.tolist() == ["correct", "image"]
    assert result["correct"].tolist() == [True, False]
    storage.write("instances", instances(instance(ID)), processed)
    assert storage.read("instances", processed, ["model"], model=["mnasnet"]).to_dict("list") == {"model": ["mnasnet"]}


@pytest.mark.parametrize("selection", [{"columns": ["colour"]}, {"colour": ["red"]}])
def test_a_missing_column_is_named(processed, selection):
    storage.write("images", images(ID, [True], [10.0]), processed)
    with pytest.raises(DataError, match="Table images has no column 'colour': choose run_id, device_id"):
        storage.read("images", processed, **selection)


@pytest.mark.parametrize("name", ["instances", "images"])
def test_a_table_of_another_version_says_to_process_again(processed, name):
    storage.write("instances", instances(instance(ID)), processed)
    storage.write("images", images(ID, [True], [10.0]), processed)
    gone = {"instances": "distinct_images", "images": "failed"}[name]
    [path] = [processed / "instances.parquet"] if name == "instances" else (processed / "images").rglob("*.parquet")
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).drop_columns(gone), path)
    for columns in (None, ["run_id"]):
        with pytest.raises(
            DataError, match=rf"was written by another version \((it has )?no column '{gone}'\): run `aiot process`"
        ):
            storage.read(name, processed, columns)


def test_names_in_image_records_are_categories_in_order_of_name_without_those_of_other_rows(processed):
    parts = [images(ID, [True, False], [1.0, 2.0], device_id=device) for device in ("phone", "local")]
    storage.write("images", pd.concat(parts), processed)
    result = storage.read("images", processed, image=["image-0001"])
    assert result["device_id"].tolist() == ["local", "phone"]
    assert result["device_id"].cat.categories.tolist() == ["local", "phone"]
    assert result["image"].cat.categories.tolist() == ["image-0001"]


def test_image_records_are_checked_before_they_are_written():
    good = pyarrow.Table.from_pandas(
        images(ID, [True, False], [1.0, 2.0]), storage.images_schema(), preserve_index=False
    )
    storage.check_images(good)
    failed = good.set_column(good.schema.get_field_index("top1"), "top1", pyarrow.array([1, None], pyarrow.int64()))
    storage.check_images(failed)
    late = good.set_column(good.schema.get_field_index("at_s"), "at_s", [[0.0, -1.0]])
    with pytest.raises(DataError, match=r"Table images, column at_s: -1\.0 fails greater_than_or_equal_to\(0\)"):
        storage.check_images(late)
    origin = pyarrow.array(["measured", "dreamt"]).dictionary_encode()
    with pytest.raises(DataError, match="Table images, column origin: 'dreamt' fails isin"):
        storage.check_images(good.set_column(good.schema.get_field_index("origin"), "origin", origin))


def test_images_of_devices_that_are_no_longer_there_go(processed):
    both = pd.concat([images(ID, [True], [1.0]), images(ID, [True], [1.0], device_id="phone")])
    storage.write("images", both, processed)
    storage.write("images", both[both["device_id"] == "phone"], processed)
    assert image_files(processed) == [f"phone/{RUN}.parquet"]


def test_what_an_interrupted_write_left_is_not_read(processed):
    storage.write("images", images(ID, [True], [1.0]), processed)
    (processed / "images" / "local" / "another.part").write_bytes(b"PAR1 half a file")
    (processed / "devices.parquet.part").write_bytes(b"PAR1 half a file")
    assert len(storage.read("images", processed)) == 1
    with pytest.raises(DataError, match="There is no table devices"):
        storage.read("devices", processed)


def test_a_write_that_fails_leaves_the_table_that_was_there(processed, monkeypatch):
    storage.write("devices", storage.table("devices", [device()]), processed)

    def breaks(content, path):
        path.write_bytes(b"PAR1")
        raise OSError("no space is left")

    monkeypatch.setattr(storage.parquet, "write_table", breaks)
    with pytest.raises(OSError, match="no space is left"):
        storage.write("devices", storage.table("devices", [device("phone")]), processed)
    assert storage.read("devices", processed)["device_id"].tolist() == ["local"]


def test_a_missing_table_says_what_to_run(processed):
    with pytest.raises(DataError, match=r"There is no table images in .*processed: run `aiot process` first\."):
        storage.read("images", processed)


@pytest.mark.parametrize("before", ["", "import dask; "])
def test_a_schema_brings_in_nothing_of_dask_and_leaves_it_to_who_wants_it(before):
    code = (
        f"import sys; {before}from aiot_analysis.tables import storage\n"
        "storage.TABLES['instances'].to_schema(); print('dask.dataframe' in sys.modules, 'dask' in sys.modules)\n"
        "import dask.base; print(dask.base.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"False {bool(before)}\ndask.base\n"


@pytest.mark.parametrize("name", storage.TABLES)
def test_a_table_without_rows_has_the_columns_and_types_of_one_with_rows(name):
    empty = storage.table(name, [])
    assert empty.empty
    assert list(empty) == list(storage.TABLES[name].to_schema().columns)
    storage.TABLES[name].to_schema().validate(empty)
    empty["another"] = 1  # a change of one copy does not change the others
    assert "another" not in storage.table(name, [])
