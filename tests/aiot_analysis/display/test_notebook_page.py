"""Opening the page of a notebook: the rows that count, their order on the axes, and the tables of claims."""

import re
import subprocess
import sys

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import aiot_analysis
from aiot_analysis.display import notebook_page
from aiot_analysis.errors import DataError
from aiot_analysis.tables import storage
from tests.aiot_analysis.conftest import images, instance, instances

CPU, NNAPI = "tflite_cpu_float32_mnasnet", "tflite_nnapi_float32_mnasnet"


@pytest.fixture
def processed(tmp_path):
    """Two devices: `b` is more often right, and slower on the CPU; `a` has no NNAPI. ExecuTorch is beyond the paper."""
    rows = [
        instance(CPU, 0.5, 10.0, device_id="a"),
        instance(NNAPI, None, None, device_id="a"),
        instance(CPU, 0.6, 20.0, device_id="b"),
        instance(NNAPI, 0.6, 5.0, device_id="b", verdict="semi-valid", reasons="it was warm"),
        instance("executorch_cpu_float32_mnasnet", 0.6, 7.0, device_id="b"),
    ]
    devices = [{"device_id": name, "origin": "measured", "model": name.upper()} for name in "ab"]
    storage.write("devices", storage.table("devices", devices), tmp_path)
    storage.write("instances", instances(*rows), tmp_path)
    storage.write("left_out", storage.table("left_out", []), tmp_path)
    storage.write("images", images(CPU, [True, False] * 10, [10.0, 11.0] * 10, device_id="a"), tmp_path)
    return tmp_path


@pytest.fixture
def displayed(monkeypatch):
    """Names and frames of the tables that are displayed."""
    tables = {}
    monkeypatch.setattr(notebook_page, "table", lambda frame, caption, name, **rest: tables.update({name: frame}))
    return tables


def test_rows_are_those_of_results_that_are_the_papers(processed):
    page = aiot_analysis.open_page(processed, "measured")
    expected = page.data.results()
    expected = expected[expected["framework"] == "tflite"]
    assert_frame_equal(page.rows[expected.columns].reset_index(drop=True), expected.reset_index(drop=True))
    assert list(page.excluded["device_id"]) == ["a"]
    assert page.mean_column == "end_to_end_ms_mean" and page.timing == "end_to_end"


def test_instances_beyond_the_paper_are_kept_if_asked_for(processed):
    rows = aiot_analysis.open_page(processed, "measured", beyond_paper=True).rows
    assert sorted(rows["framework"]) == ["executorch", "tflite", "tflite", "tflite"]


@pytest.mark.parametrize(("by", "first"), [("time", "a"), ("accuracy", "a"), ("vips", "b")])
def test_devices_are_in_the_order_of_the_value_that_the_page_is_about(processed, by, first):
    """Mean times are 10 and 12.5 ms, accuracies 0.5 and 0.6, and scores 50 and 150 images per second."""
    devices = aiot_analysis.open_page(processed, "measured", by=by, order="value").devices
    assert devices.sort_values("place")["device_id"].iloc[0] == first


@pytest.mark.parametrize("wrong", [{"verdicts": "invalid"}, {"order": "speed"}, {"device": "c"}, {"timing": "wrong"}])
def test_an_unknown_value_is_an_error_in_one_sentence(processed, wrong):
    with pytest.raises(DataError, match="choose"):
        aiot_analysis.open_page(processed, "measured", **wrong)


def test_excluded_rows_and_rows_with_reasons_are_listed_by_device(processed, displayed):
    page = aiot_analysis.open_page(processed, "measured")
    page.show_excluded(name="unused")
    page.show_with_care(name="careful")
    assert displayed["unused"][["device", "instances", "which"]].to_numpy().tolist() == [["A", 1, NNAPI]]
    assert displayed["careful"][["device", "reasons"]].to_numpy().tolist() == [["B", "it was warm"]]


def test_excluded_rows_of_one_delegate_are_listed_alone_and_none_is_a_sentence(processed, displayed, capsys):
    page = aiot_analysis.open_page(processed, "measured")
    page.show_excluded(name="on_cpu", delegate="cpu")
    page.show_excluded(name="on_nnapi", delegate="nnapi")
    assert list(displayed) == ["on_nnapi"] and len(displayed["on_nnapi"]) == 1
    assert "<p>Instances excluded from this page: none.</p>" in capsys.readouterr().out


def test_a_table_without_rows_is_a_sentence_with_the_beginning_of_its_caption(processed, displayed, capsys):
    page = aiot_analysis.open_page(processed, "measured")
    page.table(page.rows.head(0), "Speed-up of each device. Interval: of nothing", name="nothing")
    assert displayed == {} and "<p>Speed-up of each device: none.</p>" in capsys.readouterr().out


def test_every_page_explains_its_terms_once(processed, capsys):
    aiot_analysis.open_page(processed, "measured")
    shown = capsys.readouterr().out
    assert shown.count("How to read this page") == 1
    for term in ("instance", "usable with caveats", "comparable devices"):
        assert shown.count(f"<dt><b>{term}</b></dt>") == 1


def test_a_table_names_devices_and_brings_the_ends_of_intervals_with_their_column(processed, displayed):
    page = aiot_analysis.open_page(processed, "measured")
    frame = page.rows.assign(accuracy_low=0.25, accuracy_high=0.75)
    page.table(frame, "Accuracy", ["device_id", "accuracy", "images"], name="accuracy")
    assert list(displayed["accuracy"]) == ["device", "accuracy", "accuracy_low", "accuracy_high", "images"]
    assert sorted(displayed["accuracy"]["device"]) == ["A", "B", "B"]
    page.table(frame, "Everything", name="everything")
    assert list(displayed["everything"]) == ["device" if name == "device_id" else name for name in frame]


@pytest.mark.parametrize(("study", "n_excluded"), [("profile", 0), ("resize", 1)])
def test_a_study_is_opened_with_its_usable_rows_of_the_newest_run(processed, study, n_excluded):
    """There are a row of an earlier run, one of the newest, and one of the suite."""
    facts = {"device_id": "a", "study": study, "resize": "crop_resize"}
    runs = [instance(CPU, 0.5, 10.0, **facts, run_id=f"2025010{day}T000000Z-aaaaaa") for day in (1, 2)]
    storage.write("instances", instances(*runs, instance(CPU, 0.5, 10.0, device_id="a")), processed)
    page = notebook_page.open_study(study, processed, "measured", run_to_run=0.1)
    assert page.rows["run_id"].tolist() == ["20250102T000000Z-aaaaaa"]
    assert len(page.excluded) == n_excluded
    assert page.rows["run_to_run"].tolist() == [0.1] and page.source.startswith("measured · end to end")


def test_claims_of_a_remark_are_a_list_and_two_tables_with_its_number(processed, displayed, capsys):
    aiot_analysis.open_page(processed, "measured").claims(3)
    shown = capsys.readouterr().out
    assert shown.index('<ul class="claim-strip"') < shown.index("On these data, ")
    assert sorted(re.findall(r'<small class="id"[^>]*>(\w+)</small>', shown)) == ["3a", "3b", "3c", "3d", "3e", "3f"]
    assert list(displayed) == ["remark3_claims", "remark3_comparisons"]
    assert set(displayed["remark3_claims"]["id"].str[0]) == {"3"}


def test_what_intervals_include_is_only_said_of_claims_that_have_an_interval(processed, displayed, capsys):
    page = aiot_analysis.open_page(processed, "measured")
    page.claims(4)
    assert displayed["remark4_comparisons"].get("found", pd.Series(dtype=object)).isna().all()
    shown = capsys.readouterr().out
    assert "<p>All intervals of a claim" not in shown and "On these data, " in shown


def test_a_study_without_rows_explains_no_terms(processed, capsys):
    page = notebook_page.open_study("resize", processed, "measured")
    shown = capsys.readouterr().out
    assert page.rows.empty and "banner" in shown and "How to read this page" not in shown


def test_the_package_offers_its_parts_without_importing_pandas_first():
    code = (
        "import sys, aiot_analysis; print('pandas' in sys.modules, dir(aiot_analysis.stats)[:2]); "
        "print(aiot_analysis.stats.vips.__name__, aiot_analysis.plots.shares.__name__, "
        "'open_page' in dir(aiot_analysis))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "False ['accuracy', 'agreement']",
        "aiot_analysis.stats.vips aiot_analysis.plots.shares True",
    ]
    with pytest.raises(AttributeError, match=r"'aiot_analysis\.stats' has no attribute 'nothing'"):
        _ = aiot_analysis.stats.nothing
