"""What ran an instance: accelerator, nodes delegated to it, partitions, threads, memory."""

from __future__ import annotations

import pandas as pd

NODES = ["nodes", "nodes_delegated", "partitions", "threads"]
COLUMNS = ["accelerator_requested", "accelerator_actual", *NODES, "share_delegated", "peak_rss_mb", "load_ms"]
DELEGATIONS = ("none asked for", "not told", "another ran", "none of it", "part of it", "all of it")


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per row of the table `instances`, with its verdict and reasons.

    Columns run_id, device_id, instance_id, source, those of COLUMNS and delegation, one of DELEGATIONS. share_delegated
    is nodes_delegated over all nodes of the graph, from 0 to 1. An agent is not told by its framework which nodes a
    delegate took, native tools are: what was not told is null. peak_rss_mb is the peak resident memory of the
    process of an instance, in 10^6 bytes, with interpreter, framework and one image in it.
    """
    nodes, taken = (rows[column].astype("Float64") for column in ("nodes", "nodes_delegated"))
    share = (taken / nodes.where(nodes > 0)).astype(float)
    asked, actual = rows["accelerator_requested"], rows["accelerator_actual"]
    delegation = pd.Series(DELEGATIONS[1], index=rows.index)
    delegation[taken.eq(0).fillna(False)] = DELEGATIONS[3]
    delegation[taken.gt(0).fillna(False) & share.notna()] = DELEGATIONS[4]
    delegation[share >= 1] = DELEGATIONS[5]
    delegation[asked.notna() & actual.notna() & (asked != actual)] = DELEGATIONS[2]
    delegation[asked.eq("cpu") | (asked.isna() & rows["delegate"].eq("cpu"))] = DELEGATIONS[0]
    found = rows.assign(share_delegated=share, delegation=delegation)
    columns = ["run_id", "device_id", "instance_id", "source", *COLUMNS, "delegation", "verdict", "reasons"]
    return found[columns].reset_index(drop=True)
