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


@pytest.fixture
def two(project):
    """Data of two measured devices, each with an instance, two images and a sample of telemetry."""
    processed = project / "data" / "processed"
    tables.write("instances", instances(instance(ID), instance(ID, device_id="phone")), processed)
    tables.write("devices", tables.table("devices", [device(), device("phone", model="<b>Phone</b>")]), processed)
    records = [images(ID, [True, False], [ms, 2 * ms], device_id=one) for one, ms in (("local", 10), ("phone", 30))]
    tables.write("images", tables.table("images", pd.concat(records)), processed)
    samples = [
        {"run_id": "r", "device_id": one, "at": "2026-01-01T00:00:00Z", "origin": "measured"}
        for one in ("local", "phone")
    ]
    tables.write("telemetry", tables.table("telemetry", samples), processed)
    return data.load()


def test_one_device_is_had_by_its_id_and_then_all_tables_are_of_it(two):
    phone = two["phone"]
    assert phone.devices["device_id"].tolist() == phone.instances["device_id"].tolist() == ["phone"]
    assert phone.images()["end_to_end_ms"].tolist() == [30.0, 60.0]
    assert [part["end_to_end_ms"].tolist() for part in phone.image_parts()] == [[30.0, 60.0]]
    assert phone.telemetry()["device_id"].tolist() == ["phone"]
    assert len(two.images()) == 4 and len(two.telemetry()) == 2


def test_several_devices_are_had_by_their_ids(two):
    assert two[["phone", "local"]].devices["device_id"].tolist() == ["local", "phone"]
    assert two[["local"]].images(device_id=["local", "phone"])["end_to_end_ms"].tolist() == [10.0, 20.0]
    assert two.images(device_id=["phone"])["end_to_end_ms"].tolist() == [30.0, 60.0]


def test_a_device_that_is_not_there_lists_those_that_are(two):
    with pytest.raises(DataError, match=r"There is no device 'tablet' in these data: choose local, phone\."):
        two["tablet"]


def test_tables_and_devices_are_offered_for_completion(two):
    assert {"devices", "instances", "images", "telemetry", "named"} <= set(dir(two))
    assert not [name for name in dir(two) if name.startswith("_")]
    assert two._ipython_key_completions_() == ["local", "phone"]


def test_ipython_offers_them_at_the_tab_key(two):
    from IPython.core.completer import provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(user_ns={"data": two})
    with provisionalcompleter():
        attributes = {one.text for one in shell.Completer.completions("data.", 5)}
        keys = {one.text for one in shell.Completer.completions('data["', 6)}
    assert {".devices", ".images"} <= attributes or {"devices", "images"} <= attributes
    assert {"local", "phone"} <= {key.strip('"]') for key in keys}


def test_data_say_in_one_line_what_they_are(two, project):
    words = f"Data(measured, {project / 'data' / 'processed'}: 2 devices, 2 instances, 0 of studies)"
    assert repr(two) == words


def test_data_show_their_origin_and_every_table_with_its_rows(two):
    html = two._repr_html_()
    assert "<strong>Measured</strong> on the devices named here." in html
    assert "<script" not in html and "<b>Phone" not in html and "&lt;b&gt;Phone&lt;/b&gt;" in html
    text = html.replace(' style="text-align: left"', "").replace(' class="number"', "").replace(' class="long"', "")
    for table, rows in {"data.devices": 2, "data.images()": 1000, "data.telemetry()": 2, "data.operators()": 0}.items():
        assert f"<tr><td>{table}</td>" in text and f"<td>{rows}</td>" in text.partition(f"<td>{table}</td>")[2][:160]


def test_a_table_that_is_not_there_is_a_gap_in_what_data_show(two):
    from aiot_analysis.explore import contents

    rows = contents.overview(two).set_index("table")["rows"]
    assert pd.isna(rows["data.nodes()"]) and rows["data.telemetry()"] == 2


def test_data_without_any_run_show_themselves_too(two, project):
    processed = project / "data" / "processed"
    tables.write("devices", tables.table("devices", [device(), device("other")]), processed)
    html = data.load()["other"]._repr_html_()
    assert "Nothing was run." in html


def test_no_origin_is_the_first_that_there_is(project):
    assert data.load(origin="").origin == "measured"
    processed = project / "data" / "processed"
    tables.write("instances", instances(instance(ID, device_id="phone", origin="imported")), processed)
    assert data.load(origin="").origin == "imported"
    tables.write("instances", tables.table("instances", []), processed)
    with pytest.raises(DataError, match=r"holds nothing measured \(it holds no run at all\)"):
        data.load(origin="")


def test_in_a_notebook_an_error_is_one_sentence():
    assert DataError("There is none.")._render_traceback_() == ["DataError: There is none."]
