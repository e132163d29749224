"""What the overview keeps for the front page."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from aiot_analysis.display import front
from aiot_analysis.report import facts

DEVICES = {"a": "Maker A", "b": "B", "c": "C"}


def scored(
    device: str, group: int, rank: int, vips: float, missing: str = "", low: float = np.nan
) -> dict[str, object]:
    instances = 0 if vips == 0 else 24 - len(missing.split(", ") if missing else [])
    known = low == low
    return {
        "device_id": device,
        "peer_group": group,
        "rank": rank,
        "vips": vips,
        "vips_low": low,
        "vips_high": 2 * vips - low,
        "rank_low": rank if known else pd.NA,
        "rank_high": rank + 1 if known else pd.NA,
        "tie_group": "ab" if known else "",
        "instances": instances,
        "missing": missing,
        "interval_note": "" if known else "no interval: there is one image",
    }


def test_devices_of_two_groups_are_never_in_one_ranking() -> None:
    rows = [scored("a", 1, 1, 30.0, low=29.0), scored("b", 2, 1, 40.0, "x, y"), scored("c", 3, 1, 0.0, "all")]
    complete, partial = front.groups(pd.DataFrame(rows), DEVICES)
    assert (complete["instances"], complete["of"], complete["missing"], complete["size"]) == (24, 24, [], 1)
    [row] = complete["rows"]
    assert row["device"] == "Maker A" and (row["ranks"], row["ties"]) == ("1–2", "ab")
    assert (row["vips"], row["vips_low"], row["vips_high"]) == (30.0, 29.0, 31.0)
    assert (partial["instances"], partial["of"], partial["missing"]) == (22, 24, ["x", "y"])
    assert partial["rows"][0]["vips_low"] is None and "one image" in partial["rows"][0]["note"]
    json.dumps([complete, partial], allow_nan=False)  # as notebooks are kept


def test_a_ranking_has_the_first_ten_and_says_how_many_there_are() -> None:
    rows = [scored(f"d{place}", 1, place, 100.0 - place, low=50.0) for place in range(1, 13)]
    [group] = front.groups(pd.DataFrame(rows), {})
    assert group["size"] == 12
    assert [row["rank"] for row in group["rows"]] == list(range(1, 11))


def test_claims_are_counted_by_remark() -> None:
    line = {"why": "none. It was not measured", "unit": "", "mark": ""}
    line |= dict.fromkeys(["effect", "effect_low", "effect_high"], np.nan)
    first, second = ({"remark": 1, "notebook": "03_accuracy"}, {"remark": 2, "notebook": "04_f"})
    claims = pd.DataFrame(
        [
            {**line, **first, "id": "1a", "claim": "x", "verdict": "holds", "mark": "by construction", "n_devices": 3},
            {**line, **first, "id": "1b", "claim": "y", "verdict": "holds", "n_devices": 3},
            {**line, **second, "id": "2a", "claim": "z", "verdict": "cannot be decided", "n_devices": 0},
        ]
    )
    first, second = front.remarks(claims)
    assert (first["number"], first["page"], first["counts"]) == (1, "03_accuracy", [["holds", 2]])
    assert [one["id"] for one in first["claims"]] == ["1a", "1b"]
    assert [one["mark"] for one in first["claims"]] == ["by construction", ""]
    assert [first["mark"], second["mark"]] == ["by construction", ""]
    assert second["counts"] == [["cannot be decided", 1]]
    assert second["claims"][0]["effect"] == "It was not measured"


def test_what_was_kept_is_read_from_the_executed_notebook(tmp_path: Path) -> None:
    outputs = [{"output_type": "display_data", "data": {front.KIND: {"timing": "end to end"}}}]
    (tmp_path / "01.ipynb").write_text(json.dumps({"cells": [{"source": ""}, {"outputs": outputs}]}))
    assert front.read(tmp_path / "01.ipynb") == {"timing": "end to end"}
    (tmp_path / "02.ipynb").write_text('{"cells": []}')
    (tmp_path / "03.ipynb").write_text(front.KIND)
    assert [front.read(tmp_path / f"0{number}.ipynb") for number in (2, 3, 4)] == [None, None, None]


def test_reading_it_imports_no_pandas() -> None:
    script = (
        "import sys; from aiot_analysis.display import front; from aiot_analysis.report import index; "
        "print({'pandas', 'jinja2'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_coverage_has_a_cell_for_each_version_and_marks_what_never_ran() -> None:
    latest = pd.DataFrame(
        {
            "device_id": ["a", "a", "b"],
            "instance_id": [
                "tflite_cpu_float32_resnet50",
                "tflite_cpu_float32_mnasnet",
                "executorch_cpu_float32_mobilenet_v2",
            ],
            "verdict": ["valid", "semi-valid", "invalid"],
        }
    )
    covered = facts.coverage(latest, {"a": "A", "b": "B"})
    assert [len(column["models"]) for column in covered["columns"]] == [6] * 11
    assert covered["columns"][0]["name"] == "TFLite CPU" and covered["columns"][-1]["name"] == "ExecuTorch"
    first, second = covered["rows"]
    assert first["cells"][0] == [("valid", 1), ("not run", 4), ("semi-valid", 1)]
    # MobileNetV2 is the fifth of the six models, also where it is the only one
    assert second["cells"][-1] == [("not run", 4), ("invalid", 1), ("not run", 1)]
    assert sum(count for cell in first["cells"] for _, count in cell) == 66
    # of the paper's 60 instances on each device and the one that another device ran
    assert sum(column["never_run"] for column in covered["columns"]) == 2 * 61 - 3
    assert covered["columns"][-1]["never_run"] == 1


def test_models_beyond_the_paper_follow_its_six() -> None:
    latest = pd.DataFrame({"device_id": ["a"], "instance_id": ["tflite_cpu_float32_alexnet"], "verdict": ["valid"]})
    covered = facts.coverage(latest, {"a": "A"})
    assert covered["columns"][0]["models"][6:] == ["alexnet"]
    assert covered["rows"][0]["cells"][0] == [("not run", 6), ("valid", 1)]
