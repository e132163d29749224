"""What executed an instance: accelerator, delegated nodes, partitions, threads and memory."""

from __future__ import annotations

import pandas as pd

NODES = ["nodes", "nodes_delegated", "partitions", "threads"]
COLUMNS = ["accelerator_requested", "accelerator_actual", *NODES, "share_delegated", "peak_rss_mb", "load_ms"]
DELEGATIONS = ("none requested", "not reported", "another ran", "none of it", "part of it", "all of it")


def delegations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per row of the table `instances`, with its verdict and reasons.

    Columns are run_id, device_id, instance_id, source, those of COLUMNS and delegation, one of DELEGATIONS.
    share_delegated is nodes_delegated over all nodes of the graph, from 0 to 1. Frameworks do not report to an agent
    which nodes a delegate took, whereas native tools do; what was not reported is null. peak_rss_mb is the peak
    resident memory of the process of an instance, in 10^6 bytes, including the interpreter, the framework and one
    image.
    """
    nodes, delegated = (rows[column].astype("Float64") for column in ("nodes", "nodes_delegated"))
    share = (delegated / nodes.where(nodes > 0)).astype(float)
    requested, actual = rows["accelerator_requested"], rows["accelerator_actual"]
    delegation = pd.Series(DELEGATIONS[1], index=rows.index)
    delegation[delegated.eq(0).fillna(False)] = DELEGATIONS[3]
    delegation[delegated.gt(0).fillna(False) & share.notna()] = DELEGATIONS[4]
    delegation[share >= 1] = DELEGATIONS[5]
    delegation[requested.notna() & actual.notna() & (requested != actual)] = DELEGATIONS[2]
    delegation[requested.eq("cpu") | (requested.isna() & rows["delegate"].eq("cpu"))] = DELEGATIONS[0]
    result = rows.assign(share_delegated=share, delegation=delegation)
    columns = ["run_id", "device_id", "instance_id", "source", *COLUMNS, "delegation", "verdict", "reasons"]
    return result[columns].reset_index(drop=True)
