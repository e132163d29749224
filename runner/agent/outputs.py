"""What a model says to some images, all of it: python -m runner.agent.outputs JOB.json

The job is one of the agent; its images are shown once each, untimed. Two arrays go into the file `out` of the job:
`scores`, float32, shape (images, outputs), and `accelerator`. A model that cannot be loaded, or images that do not
fit it, are one line on standard error and exit code 1.
"""

import importlib
import json
import sys

import numpy as np

from aiot_suite.preprocess import Preprocess, decode


def outputs(job):
    """Scores of shape (images, outputs), float32; those of an 8-bit output are given back their scale."""
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
            raise ValueError("its output is not one tensor of scores (%s)" % error)
        rows.append((scores.astype(np.float32) - zero_point) * scale)
    return np.stack(rows), model.accelerator


def main(argv):
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
