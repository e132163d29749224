"""Conversion in the legacy environment, both the host's side and the legacy interpreter's.

The host writes the weights and a job file, and runs this module with the legacy interpreter:
`python -m aiot_suite.convert.legacy JOB.json`. All modules imported there have to run on Python 3.9 with torch 1.10.2.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_suite import environments
from aiot_suite.errors import ConversionError, ModelError, UnsupportedNetworkError
from aiot_suite.workspace import PROJECT

if TYPE_CHECKING:
    from torch import nn

    from aiot_suite.catalog import Framework, Model


UNSUPPORTED = 3
"""Exit code of the legacy interpreter if its torchvision does not have the network."""


def convert_float32(framework: Framework, model: Model, network: nn.Module, size: int, target: Path) -> None:
    """Convert a network of this interpreter in the legacy environment.

    Raises ModelError if there is no legacy environment, UnsupportedNetworkError if its torchvision does not have the
    network, and ConversionError if the conversion fails.
    """
    import numpy as np

    python = environments.interpreter_path("legacy")
    if python is None:
        raise ModelError(
            f"{framework.name} models are converted in the legacy environment, which is missing: "
            f"{environments.INSTALL_LEGACY}."
        )
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    with tempfile.TemporaryDirectory(prefix="aiot-legacy-") as folder:
        weights, job_file = Path(folder) / "weights.npz", Path(folder) / "job.json"
        np.savez(weights, **state)
        job = {
            "model": model.name,
            "plugin": str(model.file.resolve()) if model.file else None,
            "converter": framework.host.__name__,
            "size": size,
            "weights": str(weights),
            "target": str(target.resolve()),
        }
        job_file.write_text(json.dumps(job), encoding="utf-8")
        result = subprocess.run(
            [python, "-m", "aiot_suite.convert.legacy", job_file],
            check=False,
            env={**environments.clean_environment(), "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
    [last_line] = result.stderr.strip().splitlines()[-1:] or ["no message"]
    if result.returncode == UNSUPPORTED:
        raise UnsupportedNetworkError(f"the legacy environment does not support it ({last_line})")
    if result.returncode:
        raise ConversionError(f"the conversion in the legacy environment failed ({last_line}).")


def main(job_file: str) -> int:
    """Build the network of a job, load its weights and convert it; returns an exit code.

    Runs in the legacy environment.
    """
    import numpy as np
    import torch

    from aiot_suite import architectures

    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    with np.load(job["weights"]) as arrays:
        state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    if job["plugin"]:
        from aiot_suite.catalog import read_model

        build = read_model(Path(job["plugin"])).build
    else:
        build = partial(architectures.build, job["model"])
    try:
        network = build(architectures.outputs_of(state, build(1000)))
    except UnsupportedNetworkError as error:
        print(error.reason, file=sys.stderr)
        return UNSUPPORTED
    architectures.load_arrays(network, state)
    importlib.import_module(job["converter"]).convert_float32(network, job["size"], Path(job["target"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
