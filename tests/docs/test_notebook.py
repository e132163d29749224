"""The example of docs/adding.md for a notebook, used as a user would: one file in the folder of the notebooks."""

import json
import re
import shutil
from pathlib import Path

from aiot_analysis import ingest
from tests.command import aiot
from tests.rawlogs import LOAD, attempt, begin, end, image

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "notebooks" / "50_steps.ipynb"
ID = "tflite_cpu_float32_mobilenet_v2"


def test_outputs_are_not_kept():
    cells = json.loads(EXAMPLE.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)


def test_a_notebook_is_one_file(tmp_path):
    raw = tmp_path / "data" / "raw"
    attempt(begin(raw, [ID]), ID, LOAD, *[image(query, 7.0) for query in range(3)], end())
    ingest.process(raw, tmp_path / "data" / "processed")
    (tmp_path / "notebooks").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "notebooks")

    made = aiot("report", "50", "--notebooks", "notebooks", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    page = (tmp_path / "reports" / "50_steps.html").read_text(encoding="utf-8")
    assert "for 1 instances on 1 devices." in page
    means = ["1.00", "2.00", "7.00", "1.00"]  # decode, preprocess, inference, post-process
    assert re.findall(r"<td[^>]*>(\d+\.\d\d)(?=<)", page) == means
