"""Run one instance: python -m runner.agent JOB.json

The job specifies the model file with its settings, the images, the number of queries and the log file of the attempt.
The log file records everything that happens. The exit code is 0 if the attempt completed, 1 if it failed, and 3 if the
instance is not available on this device.
"""

from __future__ import annotations

import json
import sys

from runner.agent.loop import run_job


def main(argv: list[str]) -> int:
    """Run the job file named on the command line and return the exit code."""
    with open(argv[1], encoding="utf-8") as file:
        return run_job(json.load(file))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
