"""Tests that a Dask cluster of two workers gives the results of this process, and that failures are one sentence."""

from __future__ import annotations

import json
import operator
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from pandas.testing import assert_frame_equal

import aiot_analysis
from aiot_analysis import ingest, simulate
from aiot_analysis.errors import ClusterError, DataError
from aiot_analysis.stats import latency, remarks, vips
from aiot_analysis.tables import by_device, names, select, storage
from tests.command import aiot, refused

ROOT = Path(__file__).parents[3]
INSTANCE = "tflite_cpu_float32_mobilenet_v2"


@pytest.fixture(scope="module", autouse=True)
def scratch_space(tmp_path_factory):
    """Make a folder for the files of Dask, since a scheduler leaves its folder behind."""
    with dask.config.set({"temporary-directory": str(tmp_path_factory.mktemp("dask"))}):
        yield


@pytest.fixture(scope="module")
def scheduler(scratch_space):
    """Start a scheduler with two workers that gives up calls of ended workers, and return its address."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as workers,
    ):
        yield workers.scheduler_address


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Write five simulated phones with six images, one of them with a damaged log, and one unreadable run."""
    folder = tmp_path_factory.mktemp("fleet") / "raw"
    simulate.simulate(simulate.Options(devices=5, images=6, quantized_on=1), folder, jobs=2)
    log = sorted(folder.rglob(f"{INSTANCE}.*.jsonl"))[1]
    log.write_text(log.read_text().replace('"decode_ns":', '"decode_ms":', 1))
    sorted(folder.rglob("run.json"))[4].write_text("{")
    return folder


@pytest.fixture(scope="module")
def here(raw):
    """Return the tables as this process makes them."""
    ingest.process(raw, raw.parent / "here", jobs=2)
    return raw.parent / "here"


def content(processed):
    """Return every table; image records have their classes as tuples."""
    result = {name: storage.read(name, processed) for name in storage.TABLES}
    result["images"]["top5"] = result["images"]["top5"].map(tuple)
    return result


def test_runs_are_read_as_here(raw, here, scheduler, tmp_path):
    folder = tmp_path / "tables"
    done = aiot("process", "--raw", os.path.relpath(raw, tmp_path), "--processed", "tables", "--scheduler", scheduler,
                cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 2, "what was excluded"
    assert done.stdout.startswith("process   4 runs, 132 instances, 791 images, 2 excluded in tables")
    result, expected = content(folder), content(here)
    assert len(result["instances"]) == 4 * 24 + 36
    assert len(result["left_out"]) == 2
    for name in set(storage.TABLES) - {"left_out"}:  # which has the folders as they were named
        assert_frame_equal(result[name], expected[name], rtol=1e-9, atol=0, obj=name)
    assert ingest.process(raw, folder).read == 0


def test_what_is_up_to_date_needs_no_scheduler(raw, here):
    assert ingest.process(raw, here, scheduler="tcp://127.0.0.1:1").read == 0


def parts(processed, scheduler=""):
    data = aiot_analysis.load(processed, "simulated", scheduler)
    rows, _ = select.measured_rows(data.instances)
    return data.image_parts(), rows


@pytest.mark.parametrize("function", [latency.summary, partial(latency.summary, timing="inference"), latency.phases])
def test_what_is_computed_by_device_is_what_is_computed_of_all(here, scheduler, function):
    images, rows = parts(here)
    at_once = function(select.image_rows(aiot_analysis.load(here, "simulated").images(), rows))
    alone = by_device.table(images, rows, function)
    on_cluster = by_device.table(parts(here, scheduler)[0], rows, function)
    assert_frame_equal(on_cluster, alone, check_exact=True)
    key = [*select.KEY, *(["phase"] if "phase" in at_once else [])]
    both = [
        frame.astype(dict.fromkeys(key, str)).sort_values(key, ignore_index=True) for frame in (on_cluster, at_once)
    ]
    assert_frame_equal(*both, rtol=1e-9, atol=0)
    assert len(on_cluster) == 132 * (4 if "phase" in at_once else 1)


def test_scores_and_claims_are_what_they_are_here(here, scheduler):
    images, rows = parts(here)
    on_cluster, _ = parts(here, scheduler)
    at_once = images.of(*images.devices)
    scored = [vips.intervals(rows, records, resamples=200) for records in (on_cluster, images, at_once)]
    assert scored[0]["vips_low"].notna().sum() == 4
    claimed = [remarks.parts(rows, records) for records in (on_cluster, images, at_once)]
    assert (claimed[0]["n_devices"] == 4).any()
    for result in (scored, claimed):
        assert_frame_equal(result[0], result[1], check_exact=True)
        assert_frame_equal(result[0], result[2], rtol=1e-9, atol=0)


def test_devices_come_in_their_order_and_those_without_records_do_not(here, scheduler):
    images, rows = parts(here, scheduler)
    chosen = rows[(rows["device_id"] != rows["device_id"].iloc[0]) | (rows["instance_id"] == INSTANCE)]
    other = chosen.assign(device_id=chosen["device_id"].replace(chosen["device_id"].iloc[-1], "elsewhere"))
    result = dict(by_device.map_devices(images, other, len))
    assert [*result] == list(images.devices)[:-1]
    assert [*result.values()] == [6, 24 * 6 - 1, 24 * 6]


@pytest.mark.slow
def test_the_overview_is_the_same_page(here, scheduler, tmp_path):
    """Every cell has the same texts, tables and pictures, byte for byte."""
    shown = []
    for number, more in enumerate([[], ["--scheduler", scheduler]]):
        out = tmp_path / str(number)
        done = aiot("report", "01", "-p", "processed", here, "-p", "origin", "simulated", "--out", out, *more)
        assert done.returncode == 0
        cells = json.loads((out / "notebooks" / "01_overview.ipynb").read_text())["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        shown.append([output["data"] for output in outputs if output["output_type"] == "display_data"])
    assert len(shown[0]) > 10
    assert shown[0] == shown[1]


def test_a_page_without_its_cluster_fails_with_the_sentence(here, tmp_path):
    done = aiot("report", "01", "-p", "processed", here, "--scheduler", "nonsense", "--out", tmp_path)
    assert done.returncode == 1
    assert "01_overview failed in cell" in done.stderr
    assert "'nonsense' is not the address of a Dask scheduler" in done.stderr


@pytest.mark.parametrize("on_cluster", [False, True])
def test_without_any_record_the_columns_are_those_of_no_records(here, scheduler, on_cluster):
    images, rows = parts(here, scheduler if on_cluster else "")
    result = by_device.table(images, rows.iloc[:0], latency.summary)
    assert result.empty and {"mean_ms", "p99_ms", *select.KEY} <= set(result)


def test_frames_and_parts_of_them_are_taken_too(here):
    images, rows = parts(here)
    at_once = images.of(*images.devices)
    instance_rows = rows[rows["instance_id"] == names.PAPER_FLOAT32[0]]
    expected = dict.fromkeys(images.devices, 6)
    assert (
        dict(by_device.map_devices(at_once, instance_rows, len))
        == dict(by_device.map_devices(list(images), instance_rows, len))
        == expected
    )


def test_results_are_in_the_order_of_the_calls_however_many(scheduler, monkeypatch):
    monkeypatch.setattr(by_device, "AT_ONCE", 3)
    numbers = [(number, 1) for number in range(20)]
    assert list(by_device.run_calls(scheduler, [], operator.add, numbers)) == list(range(1, 21))


def test_an_error_in_a_worker_is_raised_unchanged(here, scheduler, tmp_path):
    with pytest.raises(DataError, match="There is no table images"):
        list(by_device.run_calls(scheduler, [], storage.read, [("images", tmp_path)]))


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:8786", "tcp://", "tcp://here", "foo://x:1"])
def test_what_is_no_address_is_named(address):
    with pytest.raises(
        ClusterError, match=f"'{address}' is not the address of a Dask scheduler: give one like tcp://10"
    ):
        list(by_device.run_calls(address, [], operator.neg, [(1,)]))


def test_the_command_says_so_in_one_sentence_and_leaves_no_tables(raw, tmp_path):
    line = refused(aiot("process", "--raw", raw, "--processed", tmp_path / "tables", "--scheduler", "here"))
    assert line == "aiot: 'here' is not the address of a Dask scheduler: give one like tcp://10.0.0.1:8786."
    with pytest.raises(DataError, match="There is no table instances"):
        aiot_analysis.load(tmp_path / "tables")


def test_an_unreachable_scheduler_gives_a_hint_how_to_start_one(monkeypatch):
    monkeypatch.setattr(by_device, "ANSWER_TIMEOUT_S", 1)
    with pytest.raises(ClusterError, match=r"No Dask scheduler answers at 'tcp://127.0.0.1:1': start one with `dask "):
        list(by_device.run_calls("tcp://127.0.0.1:1", [], operator.neg, [(1,)]))


def test_a_scheduler_without_workers_says_so():
    with LocalCluster(n_workers=0, dashboard_address=":0") as workers:
        address = workers.scheduler_address
        with pytest.raises(ClusterError, match=f"has no workers: start some with `dask worker {address}`"):
            list(by_device.run_calls(address, [], operator.neg, [(1,)], 0.5))


def test_a_report_waits_for_workers_as_long_as_asked(here, tmp_path):
    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        words = ["report", "01", "-p", "processed", here, "--out", tmp_path, "--scheduler", address]
        seconds = {}
        for limit_s in (1, 9):
            started = time.monotonic()
            done = aiot(*words, "--wait-for-workers", limit_s)
            seconds[limit_s] = time.monotonic() - started
            assert done.returncode == 1
            assert (
                f"The Dask scheduler {address} has no workers: start some with `dask worker {address}`" in done.stderr
            )
    assert 6 < seconds[9] - seconds[1] < 25, "the default is 30 s"


def test_a_worker_that_does_not_see_a_folder_is_named(scheduler, tmp_path):
    with pytest.raises(ClusterError, match=rf"Worker tcp://\S+ cannot access {tmp_path}/a and {tmp_path}/b: put"):
        list(by_device.run_calls(scheduler, [tmp_path / "a", tmp_path, tmp_path / "b"], operator.neg, [(1,)]))


def test_a_worker_that_writes_into_another_folder_of_that_path_is_found_out(raw, monkeypatch, tmp_path):
    monkeypatch.setattr(
        by_device, "run_calls", lambda scheduler, folders, function, calls, timeout_s: [None] * len(calls)
    )
    with pytest.raises(
        ClusterError,
        match=r"parts lacks the tables that a worker of .* made of .*: put the folder on a file",
    ):
        ingest.process(raw, tmp_path / "tables", scheduler="tcp://10.0.0.1:8786")


def test_a_worker_of_another_version_is_named(scheduler, monkeypatch):
    monkeypatch.setattr(by_device, "_version", lambda: "another")
    with pytest.raises(ClusterError, match=r"Worker tcp://\S+ has another version of this package or of its libraries"):
        list(by_device.run_calls(scheduler, [], operator.neg, [(1,)]))


def test_a_worker_that_lacks_what_it_has_to_import_is_named(scheduler, monkeypatch, tmp_path):
    (tmp_path / "only_here.py").write_text("def look(paths):\n    return '', []\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    monkeypatch.setattr(by_device, "_look", only_here.look)
    with pytest.raises(ClusterError, match=r"Worker tcp://\S+ cannot run this package \(.*No module named 'only_here'"):
        list(by_device.run_calls(scheduler, [], operator.neg, [(1,)]))


def test_without_dask_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"--scheduler needs Dask: run `pip install 'aiotbench\[cluster\]'`"):
        list(by_device.run_calls("tcp://127.0.0.1:1", [], operator.neg, [(1,)]))


def test_workers_that_end_are_one_sentence(scheduler):
    with pytest.raises(ClusterError, match="died, perhaps because they ran out of memory"):
        list(by_device.run_calls(scheduler, [], os._exit, [(1,)]))
    assert list(by_device.run_calls(scheduler, [], operator.neg, [(1,)])) == [-1]


@contextmanager
def cluster_without_workers():
    """Start a scheduler that retries calls of ended workers, as by default, and return its address."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 3}),
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
    ):
        yield cluster


@contextmanager
def worker_of(address, folder):
    """Start a worker process that is not restarted when it ends."""
    words = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
    words += ["--no-dashboard", "--local-directory", str(folder)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_when_the_last_worker_dies_the_command_says_so_and_ends(raw, here, monkeypatch, tmp_path):
    """The scheduler would give the run to another worker, but there is none."""
    monkeypatch.setattr("aiot_analysis.ingest.run.make_part", lambda *arguments: os._exit(1))
    words = ["process", "--raw", raw, "--processed", tmp_path / "tables", "--wait-for-workers"]
    with cluster_without_workers() as cluster:
        address = cluster.scheduler_address
        with worker_of(address, tmp_path) as worker:
            cluster.wait_for_workers(1, timeout=60)
            started = time.monotonic()
            line = refused(aiot(*words, "2", "--scheduler", address))
            waited = time.monotonic() - started
        assert worker.returncode == 1
    assert line == (
        f"aiot: The last worker of the Dask scheduler {address} ended, and no other came within 2 s: start workers "
        f"with `dask worker {address}`, then repeat the command. "
        "--wait-for-workers sets how long to wait."
    )
    assert waited > 2
    with pytest.raises(DataError, match="There is no table instances"):
        aiot_analysis.load(tmp_path / "tables")


def test_work_goes_on_with_a_worker_that_comes_in_time(tmp_path):
    died = tmp_path / "died"

    def die_once(number):
        if died.exists():
            return -number
        died.touch()
        os._exit(1)

    with (
        cluster_without_workers() as cluster,
        worker_of(cluster.scheduler_address, tmp_path) as first,
        ExitStack() as later,
    ):

        def follow():
            first.wait()
            later.enter_context(worker_of(cluster.scheduler_address, tmp_path))

        thread = threading.Thread(target=follow)
        thread.start()
        assert list(by_device.run_calls(cluster.scheduler_address, [], die_once, [(1,), (2,)], 60)) == [-1, -2]
        thread.join()
