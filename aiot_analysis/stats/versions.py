"""Answers of the versions of a model on one device (its quantizations or frameworks) to the same images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.stats import answers, pairing
from aiot_analysis.stats.answers import Answers
from aiot_analysis.tables import names

BETWEEN = ("device_id", "quantization", "framework")  # what `collect` compares


def collect(rows: pd.DataFrame, images: pd.DataFrame, between: str = "device_id") -> tuple[list[Answers], pd.DataFrame]:
    """Return `answers.collect`, optionally with quantizations or frameworks in the place of devices.

    In that case `devices` of an Answers has quantizations or frameworks, and its `instance_id` is the id of an instance
    with "*" in the place of that part, followed by the device: "tflite_cpu_*_mnasnet@local". The rows must agree in
    what pairing.ALIKE lists for such pairs. Takes and returns frames as `answers.collect` does.
    """
    if between == "device_id":
        return answers.collect(rows, images)
    codes = images["instance_id"].cat.codes.to_numpy()
    parts = _parts(images["instance_id"].cat.categories, between)
    devices = images["device_id"].cat
    same, same_names = pd.factorize(parts["same"])
    label = same[codes] * len(devices.categories) + devices.codes.to_numpy()
    labels = [f"{base_id}@{device}" for base_id in same_names for device in devices.categories]
    version, versions = pd.factorize(parts["version"])
    of_versions = images.assign(
        device_id=pd.Categorical.from_codes(version[codes], pd.Index(versions)),
        instance_id=pd.Categorical.from_codes(label.astype(np.int64), pd.Index(labels)),
    )
    parts = _parts(rows["instance_id"], between)
    versioned_rows = rows.assign(device_id=parts["version"], instance_id=parts["same"] + "@" + rows["device_id"])
    return answers.collect(versioned_rows, of_versions, pairing.ALIKE[between])


def _parts(ids: pd.Series | pd.Index, between: str) -> pd.DataFrame:
    """Split each instance id into the part that varies and the remainder.

    Returns the columns same (the id without that part) and version (the part), with the index of `ids`.
    """
    instances = [names.instance(str(instance)) for instance in ids]
    same = ["_".join(instance._replace(**{between: "*"})) for instance in instances]
    index = ids.index if isinstance(ids, pd.Series) else None
    return pd.DataFrame({"same": same, "version": [getattr(instance, between) for instance in instances]}, index=index)
