"""Runs one instance: python -m runner.agent JOB.json

The job names the model file with its settings, the images, how many queries, and the file the attempt is
logged to. Everything that happens is in that file; the exit code is 0 if the attempt ended, 3 if the
instance is not available here, 1 if it failed.
"""

import json
import sys

from runner.agent.loop import run_job


def main(argv):
    with open(argv[1], encoding="utf-8") as file:
        return run_job(json.load(file))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
