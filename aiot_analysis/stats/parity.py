"""Whether the model files of all frameworks contain the same network, according to `aiot models check`."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.tables import names

PASSED, FAILED, UNCHECKED = "passed", "failed", "not checked"
KEY = ["model", "weights", "framework", "quantization"]


def model_files(instances: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model file of the latest run, with models, frameworks and quantizations in the paper's order.

    Takes the table `instances`, including rows that could not be run: devices and delegates share a file. Returns the
    columns of KEY, model_sha256, state ("passed", "failed" or "not checked") and the table's columns parity_..., which
    are null where the file was not checked. A check is also used if only an earlier run with the same file recorded it.
    """
    with_file = instances.dropna(subset=["model_sha256"])
    latest = with_file.sort_values("run_id").groupby(KEY, dropna=False)["model_sha256"].transform("last")
    same = with_file[with_file["model_sha256"] == latest.reindex(with_file.index)]
    same = same.assign(checked=same["parity_passed"].notna()).sort_values(["checked", "run_id"])
    result = same.drop_duplicates(KEY, keep="last")
    result = result.assign(state=result["parity_passed"].map({True: PASSED, False: FAILED}).astype("object"))
    result["state"] = result["state"].where(result["parity_passed"].notna(), UNCHECKED)
    orders = {"model": names.MODELS, "framework": names.FRAMEWORKS, "quantization": names.QUANTIZATIONS}
    result = result.sort_values(
        KEY, key=lambda column: names.places(column, orders.get(str(column.name), [])), ignore_index=True
    )
    return result[[*KEY, "model_sha256", "state", *result.filter(like="parity_")]]
