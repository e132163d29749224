import pydoc
import re
import subprocess
import sys

import pandas as pd
import pytest

import aiot_analysis
from aiot_analysis.errors import DataError
from aiot_analysis.tables import data, storage
from tests.aiot_analysis.conftest import device, images, instance, instances

ID = "tflite_cpu_int8_mnasnet"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Make a project with a measured and an imported device, and change to its folder of notebooks."""
    processed = tmp_path / "data" / "processed"
    rows = instances(instance(ID), instance(ID, device_id="phone", origin="imported"))
    storage.write("instances", rows, processed)
    devices = storage.table("devices", [device(), device("phone", origin="imported")])
    storage.write("devices", devices, processed)
    storage.write("images", images(ID, [True, False], [10.0, 20.0]), processed)
    for name in ("telemetry", "operators", "left_out"):
        storage.write(name, storage.table(name, []), processed)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_one_origin_is_loaded_with_what_belongs_to_it(project):
    result = data.load()
    assert result.origin == "measured"
    assert result.processed == project / "data" / "processed"
    assert result.devices["device_id"].tolist() == ["local"]
    assert result.instances["device_id"].tolist() == ["local"]
    assert result.images()["end_to_end_ms"].tolist() == [10.0, 20.0]
    assert result.images(image=["image-0001"])["end_to_end_ms"].tolist() == [20.0]
    assert "top5" not in result.images()
    assert result.images(["top5"])["top5"].map(list).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert result.telemetry().empty and result.operators().empty and result.left_out.empty


def test_the_other_origin_has_rows_of_its_own(project):
    result = data.load(origin="imported")
    assert result.devices["device_id"].tolist() == ["phone"]
    assert result.instances.index.tolist() == [0]
    assert result.images().empty


def test_tables_for_readers_name_devices_by_maker_and_model(project):
    devices = [
        device("s20", maker="Samsung", model="Galaxy S20"),
        device("mi", maker="Xiaomi", model="Xiaomi 10"),
        device("one", maker="A", model="B"),
        device("two", maker="A", model="B"),
        device("bare", model=None),
    ]
    storage.write("devices", storage.table("devices", devices), project / "data" / "processed")
    frame = pd.DataFrame({"score": 1.0, "device_id": ["bare", "two", "one", "mi", "s20"]})
    shown = data.load().named(frame)
    assert shown.columns.tolist() == ["score", "device"]
    assert shown["device"].tolist() == ["bare", "A B (two)", "A B (one)", "Xiaomi 10", "Samsung Galaxy S20"]


def test_an_unknown_origin_lists_those_there_are(project):
    with pytest.raises(
        DataError, match=r"Origin 'guessed' is unknown: choose measured, imported, published, simulated\."
    ):
        data.load(origin="guessed")


def test_where_nothing_has_the_origin_the_error_lists_what_is_there(project):
    with pytest.raises(DataError, match=r"has no simulated data \(it has imported, measured\): choose another"):
        data.load(origin="simulated")


def test_where_there_is_no_run_the_error_says_so(project):
    storage.write("instances", storage.table("instances", []), project / "data" / "processed")
    with pytest.raises(DataError, match=r"has no measured data \(it has no runs at all\)"):
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
    """Return data of two measured devices, each with an instance, two images and a sample of telemetry."""
    processed = project / "data" / "processed"
    storage.write("instances", instances(instance(ID), instance(ID, device_id="phone")), processed)
    storage.write("devices", storage.table("devices", [device(), device("phone", model="<b>Phone</b>")]), processed)
    records = [
        images(ID, [True, False], [ms, 2 * ms], device_id=device_id) for device_id, ms in (("local", 10), ("phone", 30))
    ]
    storage.write("images", storage.table("images", pd.concat(records)), processed)
    samples = [
        {"run_id": "r", "device_id": device_id, "at": "2026-01-01T00:00:00Z", "origin": "measured"}
        for device_id in ("local", "phone")
    ]
    storage.write("telemetry", storage.table("telemetry", samples), processed)
    return data.load()


def test_selecting_a_device_by_id_restricts_all_tables(two):
    phone = two["phone"]
    assert phone.devices["device_id"].tolist() == phone.instances["device_id"].tolist() == ["phone"]
    assert phone.images()["end_to_end_ms"].tolist() == [30.0, 60.0]
    assert [part["end_to_end_ms"].tolist() for part in phone.image_parts()] == [[30.0, 60.0]]
    assert phone.telemetry()["device_id"].tolist() == ["phone"]
    assert len(two.images()) == 4 and len(two.telemetry()) == 2


def test_several_devices_are_had_by_their_ids(two):
    assert two[["phone", "local"]].devices["device_id"].tolist() == ["local", "phone"]
    assert two.images(device_id=["phone"])["end_to_end_ms"].tolist() == [30.0, 60.0]


WAYS = {
    "load": lambda found, devices: data.load(found.processed, devices=devices),
    "[]": lambda found, devices: found[devices],
    "images": lambda found, devices: found.images(device_id=devices),
}


@pytest.mark.parametrize("way", WAYS)
def test_devices_are_named_in_one_way(two, way):
    for devices, ids in [
        ("phone", ["phone"]),
        (["phone"], ["phone"]),
        (("phone", "local"), ["local", "phone"]),
        ("phone, local", ["local", "phone"]),
        (pd.Series(["phone"]), ["phone"]),
        ({"phone", "local"}, ["local", "phone"]),
        (["phone", "phone"], ["phone"]),
        ([], []),
    ]:
        result = WAYS[way](two, devices)
        rows = result if way == "images" else result.images()
        assert sorted(rows["device_id"].unique()) == ids
    for devices in ("tablet", ["local", "tablet"], "local,tablet"):
        with pytest.raises(DataError, match=r"^There is no device 'tablet' in these data: choose local, phone\.$"):
            WAYS[way](two, devices)


def test_no_device_at_all_means_every_device_where_tables_are_loaded(two):
    assert [len(data.load(devices=none).devices) for none in ("", " ", None)] == [2, 2, 2]
    with pytest.raises(DataError, match=r"There is no device ''"):
        two[""]


def test_the_id_of_a_device_is_not_a_part_of_another_one(project):
    """An id that contains a comma does not stand for several ids, either."""
    processed = project / "data" / "processed"
    ids = ["pixel-4", "pixel-4a", "a,b", "a"]
    storage.write("instances", instances(*(instance(ID, device_id=id_) for id_ in ids)), processed)
    storage.write("devices", storage.table("devices", [device(id_) for id_ in ids]), processed)
    records = [images(ID, [True], [time], device_id=id_) for time, id_ in enumerate(ids)]
    storage.write("images", storage.table("images", pd.concat(records)), processed)
    result = data.load()
    for time, id_ in enumerate(ids):
        assert result.images(device_id=id_)["end_to_end_ms"].tolist() == [time]
        assert result[id_].images()["end_to_end_ms"].tolist() == [time]
    assert result["a,pixel-4a"].devices["device_id"].tolist() == ["pixel-4a", "a"]
    assert [part["device_id"].tolist() for part in result.image_parts(device_id="pixel-4a")] == [["pixel-4a"]]


FLOAT32 = "pytorch_cpu_float32_resnet50"
LATER = "20260201T000000Z-bbbbbb"


@pytest.fixture
def several(project):
    """Return data of two runs of an instance with different threads, and another instance, on labels 3, 4 and 5."""
    processed = project / "data" / "processed"
    rows = [instance(ID, threads=1), instance(ID, threads=4, run_id=LATER), instance(FLOAT32, threads=1)]
    storage.write("instances", instances(*rows), processed)
    storage.write("devices", storage.table("devices", [device()]), processed)
    parts = [
        images(ID, [True, False], [1, 2]).assign(label=[3, 4]),
        images(ID, [True, True], [3, 4], run_id=LATER).assign(label=[3, 4]),
        images(FLOAT32, [False, False, True], [5, 6, 7]).assign(label=[3, 4, 5]),
    ]
    frame = pd.concat(parts)
    frame["top1"] = frame["top1"].mask(frame["end_to_end_ms"] == 6)
    storage.write("images", storage.table("images", frame), processed)
    return data.load()


@pytest.mark.parametrize(
    ("chosen", "times"),
    [
        ({"instance_id": FLOAT32}, [5, 6, 7]),
        ({"instance_id": [FLOAT32, ID], "run_id": LATER}, [3, 4]),
        ({"model": "mnasnet"}, [1, 2, 3, 4]),
        ({"model": ["mnasnet", "resnet50"], "quantization": "int8"}, [1, 2, 3, 4]),
        ({"model": "mnasnet,resnet50", "framework": "pytorch"}, [5, 6, 7]),
        ({"delegate": "cpu", "image": "image-0000"}, [1, 3, 5]),
        ({"threads": 4}, [3, 4]),
        ({"threads": "1", "model": "mnasnet"}, [1, 2]),
        ({"threads": 1, "run_id": LATER}, []),
        ({"threads": 7}, []),
        ({"study": None}, [1, 2, 3, 4, 5, 6, 7]),
        ({"label": 3}, [1, 3, 5]),
        ({"label": "3"}, [1, 3, 5]),
        ({"label": [3.0, 5]}, [1, 3, 5, 7]),
        ({"label": pd.Series([4])}, [2, 4, 6]),
        ({"correct": True}, [1, 3, 4, 7]),
        ({"correct": ["false"]}, [2, 5, 6]),
        ({"failed": [True]}, []),
        ({"top1": None}, [6]),
        ({"top1": [0, None]}, [1, 3, 4, 6, 7]),
        ({"end_to_end_ms": [2, "7"]}, [2, 7]),
        ({"origin": "measured", "image": ["image-0002"]}, [7]),
        ({"label": []}, []),
    ],
)
def test_images_are_chosen_by_any_column_of_theirs_and_of_their_instances(several, chosen, times):
    assert sorted(several.images(**chosen)["end_to_end_ms"]) == times
    parts = list(several.image_parts(["end_to_end_ms"], **chosen))
    assert sorted(time for part in parts for time in part["end_to_end_ms"]) == times
    assert all(part.columns.tolist() == ["end_to_end_ms"] for part in parts)


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"model": "mnasnett"}, "There is no model 'mnasnett' in these data: choose mnasnet, resnet50."),
        ({"instance_id": "text"}, f"There is no instance 'text' in these data: choose {FLOAT32}, {ID}."),
        ({"model": 5}, "There is no model '5' in these data: choose mnasnet, resnet50."),
        ({"device_id": [["local"]]}, "There is no device \"['local']\" in these data: choose local."),
        ({"image": "cat.jpg"}, "There is no image 'cat.jpg' in these data: choose image-0000, image-0001, image-0002."),
        ({"label": 9}, "There is no label 9 in these data: choose 3, 4, 5."),
        ({"label": "cat"}, "Column label holds a whole number, not 'cat': give a value of that type."),
        ({"label": 3.5}, "Column label holds a whole number, not 3.5: give a value of that type."),
        ({"label": 10**30}, f"Column label holds a whole number, not {10**30}: give a value of that type."),
        ({"label": True}, "Column label holds a whole number, not True: give a value of that type."),
        ({"correct": "perhaps"}, "Column correct holds true or false, not 'perhaps': give a value of that type."),
        ({"threads": "two"}, "Column threads holds a whole number, not 'two': give a value of that type."),
        ({"origin": "imported"}, "There is no origin 'imported' in these data: choose measured."),
        ({"top5": [3]}, "Column top5 holds lists: filter by another column."),
        ({"modell": "x"}, "Tables images and instances have no column 'modell': choose model, model_mb, "),
    ],
)
def test_an_unknown_selection_is_one_sentence(several, chosen, sentence):
    for read in (several.images, several.image_parts):
        with pytest.raises(DataError, match=f"^{re.escape(sentence)}"):
            read(**chosen)


def test_other_tables_are_chosen_from_alike(two):
    assert two.telemetry(device_id="phone")["device_id"].tolist() == ["phone"]
    assert two.telemetry(at=["2026-01-01T00:00:00Z"], plugged=None)["device_id"].tolist() == ["local", "phone"]
    assert two.operators(repetition=1).empty
    with pytest.raises(DataError, match="There is no device 'tablet'"):
        two.telemetry(device_id="tablet")
    with pytest.raises(DataError, match="Table telemetry has no column 'label'"):
        two.telemetry(label=3)


def test_results_are_the_rows_that_pages_use(project):
    """A pivot of `instances` would also average an earlier run, an invalid row and a row of another profile."""
    processed = project / "data" / "processed"
    rows = [
        instance(ID, 0.2, 90.0),
        instance(ID, 0.6, 10.0, run_id=LATER),
        instance(FLOAT32, 0.1, 70.0, run_id=LATER, verdict="invalid", reasons="too hot"),
        instance(FLOAT32, 0.7, 30.0, verdict="semi-valid", reasons="warm"),
        instance("tflite_cpu_float32_mnasnet", 0.8, 50.0, run_id=LATER, profile="mlperf"),
        instance("tflite_nnapi_int8_mnasnet", None, None),
        instance("tflite_cpu_int8_resnet50", 0.5, 5.0, study="resize"),
    ]
    storage.write("instances", instances(*rows), processed)
    result = data.load()
    assert result.results().set_index("instance_id")["end_to_end_ms_mean"].to_dict() == {ID: 10.0, FLOAT32: 30.0}
    assert result.results("valid")["instance_id"].tolist() == [ID]
    assert result.results(model="resnet50")["instance_id"].tolist() == [FLOAT32]
    assert result.results(framework=["tflite", "pytorch"], quantization="int8")["instance_id"].tolist() == [ID]
    assert result.results(delegate="nnapi").empty  # a known instance without a result
    assert result.results().index.tolist() == [0, 1]
    for chosen in ({"model": "alexnet"}, {"colour": 1}, {"verdicts": "invalid"}):
        with pytest.raises(DataError, match=f"{next(iter(chosen.values()))}|colour"):
            result.results(**chosen)


def test_help_on_the_package_leads_to_the_results():
    text = pydoc.plain(pydoc.render_doc(aiot_analysis))
    assert "data.results()" in text and "one per device and instance" in text


def test_excluded_files_are_those_of_the_devices_and_the_origin(project):
    processed = project / "data" / "processed"
    ids = ["local", "tablet"]
    everyone = [device(id_) for id_ in ids]
    storage.write("devices", storage.table("devices", [*everyone, device("phone", origin="imported")]), processed)
    rows = [instance(ID, device_id=id_) for id_ in ids]
    storage.write("instances", instances(*rows, instance(ID, device_id="phone", origin="imported")), processed)
    files = [("local", "measured"), ("tablet", "measured"), ("phone", "imported"), ("new", None), (None, None)]
    left_out = [{"device_id": id_, "origin": origin, "path": f"data/raw/{id_}", "reason": "?"} for id_, origin in files]
    storage.write("left_out", storage.table("left_out", left_out), processed)

    def names(result):
        return [path.removeprefix("data/raw/") for path in result.left_out["path"]]

    assert names(data.load()) == ["local", "tablet", "new", "None"]
    assert names(data.load(origin="imported")) == ["phone", "new", "None"]
    assert names(data.load(devices="local")) == names(data.load()["local"]) == ["local"]
    assert names(data.load()[["tablet", "local"]]) == ["local", "tablet"]


def test_tables_and_devices_are_offered_for_completion(two):
    assert {"devices", "instances", "images", "telemetry", "named"} <= set(dir(two))
    assert not [name for name in dir(two) if name.startswith("_")]
    assert two._ipython_key_completions_() == ["local", "phone"]


def test_ipython_offers_them_at_the_tab_key(two):
    from IPython.core.completer import provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(user_ns={"data": two})
    with provisionalcompleter():
        attributes = {completion.text for completion in shell.Completer.completions("data.", 5)}
        keys = {completion.text for completion in shell.Completer.completions('data["', 6)}
    assert {".devices", ".images"} <= attributes or {"devices", "images"} <= attributes
    assert {"local", "phone"} <= {key.strip('"]') for key in keys}


def test_data_say_in_one_line_what_they_are(two, project):
    words = f"Data(measured, {project / 'data' / 'processed'}: 2 devices, 2 instances, 0 instances of studies)"
    assert repr(two) == words


def test_data_show_their_origin_and_every_table_with_its_rows(two):
    html = two._repr_html_()
    assert "<strong>Measured</strong> on the devices named here." in html
    assert "<script" not in html and "<b>Phone" not in html and "&lt;b&gt;Phone&lt;/b&gt;" in html
    for table, rows in {"data.devices": 2, "data.images()": 1000, "data.telemetry()": 2, "data.operators()": 0}.items():
        assert re.search(rf"<td>{re.escape(table)}</td>\s*<td>[^<]*</td>\s*<td>{rows}</td>", html)


def test_a_missing_table_is_a_gap_in_the_overview(two):
    rows = data.overview(two).set_index("table")["rows"]
    assert pd.isna(rows["data.nodes()"]) and rows["data.telemetry()"] == 2


def test_data_without_any_run_show_themselves_too(two, project):
    processed = project / "data" / "processed"
    storage.write("devices", storage.table("devices", [device(), device("other")]), processed)
    html = data.load()["other"]._repr_html_()
    assert "Nothing was run." in html


def test_an_empty_origin_selects_the_first_available_one(project):
    assert data.load(origin="").origin == "measured"
    processed = project / "data" / "processed"
    storage.write("instances", instances(instance(ID, device_id="phone", origin="imported")), processed)
    assert data.load(origin="").origin == "imported"
    storage.write("instances", storage.table("instances", []), processed)
    with pytest.raises(DataError, match=r"has no measured data \(it has no runs at all\)"):
        data.load(origin="")


def test_in_a_notebook_an_error_is_one_sentence():
    assert DataError("There is none.")._render_traceback_() == ["DataError: There is none."]
