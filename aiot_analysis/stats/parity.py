"""Whether the model files of all frameworks are the same network, as `aiot models check` found."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.tables import names

PASSED, FAILED, UNCHECKED = "passed", "failed", "not checked"
KEY = ["model", "weights", "framework", "quantization"]
FRAMEWORKS = list(dict.fromkeys(one.split("_")[0] for one in names.IMPLEMENTATIONS))


def files(instances: pd.DataFrame) -> pd.DataFrame:
    """One row per model file, as the latest run had it, models, frameworks and quantizations in the paper's order.

    Takes the table `instances`, also what could not be run: devices and delegates share a file. Gives the columns of
    KEY, model_sha256, state ("passed", "failed" or "not checked") and the table's columns parity_..., which are null
    where the file was not checked. A check that only an earlier run with the same file knows is taken too.
    """
    there = instances.dropna(subset=["model_sha256"])
    latest = there.sort_values("run_id").groupby(KEY, dropna=False)["model_sha256"].transform("last")
    same = there[there["model_sha256"] == latest.reindex(there.index)]
    same = same.assign(checked=same["parity_passed"].notna()).sort_values(["checked", "run_id"])
    found = same.drop_duplicates(KEY, keep="last")
    found = found.assign(state=found["parity_passed"].map({True: PASSED, False: FAILED}).astype("object"))
    found["state"] = found["state"].where(found["parity_passed"].notna(), UNCHECKED)
    orders = {"model": names.MODELS, "framework": FRAMEWORKS, "quantization": names.QUANTIZATIONS}
    found = found.sort_values(KEY, key=lambda one: names.places(one, orders.get(str(one.name), [])), ignore_index=True)
    return found[[*KEY, "model_sha256", "state", *found.filter(like="parity_")]]
