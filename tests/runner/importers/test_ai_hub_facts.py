"""Tests that the facts of AI Hub in the package agree with the files they are taken from."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
import yaml

from runner import rawlog
from runner.importers import ai_hub, ai_hub_facts
from runner.importers.imported_runs import event_lines, group_into_runs


@cache
def sessions():
    return list(ai_hub_facts.sessions())


def parts():
    """Return each attempt with the model of its device and the name of its images."""
    return [(session.device.code, session.dataset["name"], part) for session in sessions() for part in session.parts]


def perf_yaml(rows: list[dict[str, str]]) -> str:
    """Return a perf.yaml with the content of rows of the facts."""
    precisions: dict = {}
    for row in rows:
        components = precisions.setdefault(
            row["precision"], {"components": {row["model"]: {"performance_metrics": {}}}}
        )
        devices = components["components"][row["model"]]["performance_metrics"]
        layers = {unit: row[f"layers_{unit}"] for unit in ("npu", "gpu", "cpu")}
        devices.setdefault(row["device"], {})[row["runtime"]] = {
            "job_id": row["job_id"],
            "job_status": row["status"],
            "inference_time_milliseconds": float(row["inference_ms"]),
            "estimated_peak_memory_range_mb": {
                "min": int(row["memory_min_mb"]),
                "max": int(row["memory_max_mb"]),
            },
            "primary_compute_unit": row["compute_unit"],
            "layer_counts": {
                "total": int(row["layers"]),
                **{unit: int(text.removesuffix(".0")) for unit, text in layers.items() if text},
            },
            "tool_versions": dict(tool.split(" ") for tool in row["versions"].split("; ")),
        }
    return yaml.safe_dump({"precisions": precisions}, sort_keys=False)


@pytest.mark.parametrize("model", ["mobilenet_v2", "internimage", "squeezenet1_1", "resnet50"])
def test_a_row_is_what_the_importer_reads_from_the_file(model):
    rows = ai_hub_facts._rows(ai_hub_facts.PERFORMANCE)[model]
    parsed = ai_hub.parse_perf("perf.yaml", perf_yaml(rows))
    assert sorted(parsed, key=repr) == sorted(map(ai_hub_facts.profile, rows), key=repr)
    assert parsed[0].model == model


def test_every_row_is_an_attempt_on_one_of_15_devices():
    counts = Counter(device for device, _, _ in parts())
    assert sum(counts.values()) == 1896
    assert len(counts) == 15
    assert counts["Galaxy S25"] == 184 and counts["SA7255P ADP"] == 86
    assert Counter(part.ending[0] for _, _, part in parts()) == {"end": 1896}
    assert len({(device, part.instance.id) for device, _, part in parts()}) == 1896


def test_accuracies_are_numbers_of_images_on_the_device_where_they_were_measured():
    shown = [(device, name, part) for device, name, part in parts() if part.ending[1]["images"]]
    assert Counter((device, name) for device, name, _ in shown) == {
        ("Galaxy S25", "AI Hub imagenet"): 180,
        ("Galaxy S25", "AI Hub imagenet_256"): 4,
    }
    correct = {part.instance.id: part.ending[1]["correct"] for _, _, part in shown}
    assert correct["tflite_unknown_float_mobilenet_v2"] == 723  # 72.3% in numerics.yaml
    assert correct["onnxruntime_unknown_w8a16mixedint16_mobilenet_v2"] == 722
    notes = [note for session in sessions() for note in session.notes]
    assert sorted(note.split(" ")[0] for note in notes) == [
        "onnxruntime_unknown_w8a16_efficientnet_b4",
        "onnxruntime_unknown_w8a16_levit",
        "onnxruntime_unknown_w8a16mixedint16_levit",
    ]


def test_a_log_has_the_published_time_and_its_address():
    [part] = [
        part
        for device, _, part in parts()
        if (device, part.instance.id) == ("Galaxy S25", "tflite_unknown_float_mobilenet_v2")
    ]
    assert part.load["accelerator_actual"] == "npu" and part.load["layers_npu"] == 71
    assert b'"mean_ms":0.451' in part.body and b'"memory_max_mb":39' in part.body
    assert part.publication.publisher == "Qualcomm"
    assert part.publication.address == (
        "https://github.com/qualcomm/ai-hub-models/blob/b61a009028/qai_hub_models/models/mobilenet_v2/perf.yaml"
    )
    assert part.publication.retrieved == "2026-11-28"


def test_where_the_accelerator_did_not_run_the_log_says_so():
    units = Counter(part.load["accelerator_actual"] for _, _, part in parts())
    assert units == {"npu": 1798, "cpu": 96, "gpu": 2}


def test_a_device_has_few_runs():
    by_device: dict = {}
    for session in sessions():
        by_device.setdefault(session.device.code, []).append(session)
    runs = {device: len(group_into_runs(of_device)) for device, of_device in by_device.items()}
    assert runs.pop("Galaxy S25") == 2  # on two sets of images
    assert set(runs.values()) == {1}


def test_every_device_is_described():
    devices = {session.device.code: session.device for session in sessions()}
    assert all(device.soc and device.os and device.os_version for device in devices.values())
    assert sum("proxy" in device.other for device in devices.values()) == 3
    jobs: dict[str, set[str]] = {}
    for rows in ai_hub_facts._rows(ai_hub_facts.PERFORMANCE).values():
        for row in rows:
            jobs.setdefault(row["job_id"], set()).add(row["device"])
    shared = {frozenset(names) for names in jobs.values() if len(names) > 1}
    stated = {
        frozenset((device.other["ai_hub_name"], device.other["same_jobs_as"]))
        for device in devices.values()
        if "same_jobs_as" in device.other
    }
    assert shared == stated == {frozenset(("QCS8275 (Proxy)", "SA7255P ADP"))}


def test_every_log_can_be_read():
    for _, _, part in parts():
        attempt = rawlog.parse_attempt("log", part.events + event_lines([part.ending]))
        assert (attempt.left_out, attempt.status) == ([], "end")
