"""What the versions of a model on one device answered to the same images: its quantizations, or its frameworks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.stats import answers, pairing
from aiot_analysis.stats.answers import Answers
from aiot_analysis.tables import names

BETWEEN = ("device_id", "quantization", "framework")  # what `collect` can compare


def collect(rows: pd.DataFrame, images: pd.DataFrame, between: str = "device_id") -> tuple[list[Answers], pd.DataFrame]:
    """`answers.collect`, and the same with quantizations or frameworks in the place of devices.

    Then `devices` of an Answers has quantizations or frameworks, and its `instance_id` the id of an instance without
    that part, a "*" in its place, and the device behind it: "tflite_cpu_*_mnasnet@local". They have to be alike in what
    pairing.ALIKE names for such pairs. Takes and gives frames as `answers.collect` does.
    """
    if between == "device_id":
        return answers.collect(rows, images)
    codes = images["instance_id"].cat.codes.to_numpy()
    parts = _parts(images["instance_id"].cat.categories, between)
    devices = images["device_id"].cat
    same, same_names = pd.factorize(parts["same"])
    label = same[codes] * len(devices.categories) + devices.codes.to_numpy()
    labels = [f"{one}@{device}" for one in same_names for device in devices.categories]
    version, versions = pd.factorize(parts["version"])
    of_versions = images.assign(
        device_id=pd.Categorical.from_codes(version[codes], pd.Index(versions)),
        instance_id=pd.Categorical.from_codes(label.astype(np.int64), pd.Index(labels)),
    )
    parts = _parts(rows["instance_id"], between)
    asked = rows.assign(device_id=parts["version"], instance_id=parts["same"] + "@" + rows["device_id"])
    return answers.collect(asked, of_versions, pairing.ALIKE[between])


def _parts(ids: pd.Series | pd.Index, between: str) -> pd.DataFrame:
    """Each instance id without the part that varies, and that part: columns same and version, in the index of `ids`."""
    told = [names.instance(str(one)) for one in ids]
    same = ["_".join(one._replace(**{between: "*"})) for one in told]
    index = ids.index if isinstance(ids, pd.Series) else None
    return pd.DataFrame({"same": same, "version": [getattr(one, between) for one in told]}, index=index)
