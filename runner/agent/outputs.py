"""Write all outputs of a model for a list of images: python -m runner.agent.outputs JOB.json

The job has the same format as the agent's. Each image is run once, untimed. Two arrays are written to the job's file
`out`: `scores` (float32, shape (images, outputs)) and `accelerator`. If the model cannot be loaded or the images do not
fit it, one line is printed to standard error and the exit code is 1.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from aiot_suite.preprocess import Preprocess, decode

if TYPE_CHECKING:
    from collections.abc import Mapping


def outputs(job: Mapping[str, Any]) -> tuple[np.ndarray, str]:
    """Return float32 scores of shape (images, outputs), dequantized if the output is 8-bit, and the accelerator."""
    framework = importlib.import_module("runner.agent." + job["framework"])
    model = framework.prepare(job["model"], job["threads"], job["delegate"])
    preprocess = Preprocess.of(job["settings"], model.dtype, model.scale, model.zero_point)
    scale, zero_point = model.output_scale or 1.0, model.output_zero_point
    rows = []
    for name, _ in job["images"]:
        with open(job["image_folder"] + "/" + name, "rb") as file:
            data = file.read()
        try:
            image = decode(data)
        except (OSError, ValueError) as error:
            raise ValueError("image %s cannot be read (%s)" % (name, error))
        tensor = preprocess(image)
        try:
            scores, _ = model.infer(tensor)
        except (AttributeError, TypeError) as error:
            raise ValueError("the output is not a single tensor of scores (%s)" % error)
        rows.append((scores.astype(np.float32) - zero_point) * scale)
    return np.stack(rows), model.accelerator


def main(argv: list[str]) -> int:
    """Run the job file named on the command line and return the exit code, 0 or 1."""
    with open(argv[1], encoding="utf-8") as file:
        job = json.load(file)
    try:
        scores, accelerator = outputs(job)
    except (ImportError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        print(lines[0], file=sys.stderr)
        return 1
    np.savez(job["out"], scores=scores, accelerator=accelerator)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
