import pandas as pd
import pytest

from aiot_analysis.stats import operators
from aiot_analysis.tables import storage
from tests.aiot_analysis.networks import fire, node, nodes, residual


def only(frame):
    assert len(frame) == 1
    return frame.iloc[0]


def test_table_2_is_counted_from_the_nodes_and_stands_beside_the_printed():
    row = only(operators.table2(residual()))
    assert row["macs_millions"] == pytest.approx(7 + 3 * 3 + 0.5)
    assert row["params_millions"] == pytest.approx((70_000 + 3 * 3016 + 300) / 1e6)
    assert (row["layers"], row["layers_all"]) == (8, 8)
    assert (row["macs_printed"], row["layers_printed"], row["branch_printed"]) == (3800, 50, "single")
    assert row["macs_difference"] == pytest.approx(16.5 / 3800 - 1)
    assert row["main_operators"] == "1x1 convolution, 3x3 convolution, identical map, ReLU, batch norm"


def test_layers_are_those_of_the_longest_way():
    row = only(operators.table2(fire()))
    assert (row["layers"], row["layers_all"]) == (2, 3)


def test_branches_are_convolutions_side_by_side_that_are_concatenated():
    assert only(operators.table2(fire()))["branch"] == "multi"
    assert only(operators.table2(fire(joined="addition")))["branch"] == "single"  # a shortcut with a convolution
    assert only(operators.table2(residual()))["branch"] == "single"
    dense = nodes(
        "densenet121",
        node("x", "input"),
        node("one", "convolution", "x", kernel="3x3"),
        node("two", "convolution", "one", kernel="3x3"),
        node("join", "concatenation", "one", "two"),
    )
    assert only(operators.table2(dense))["branch"] == "single"


def test_of_several_runs_the_latest_graph_is_used():
    later = fire().assign(run_id="20260102T000000Z-aaaaaa")
    later.loc[later["node"] == "left", "macs"] = 3_000_000
    row = only(operators.table2(pd.concat([fire(), later])))
    assert row["macs_millions"] == 3


def test_models_come_in_the_papers_order_and_others_have_nothing_printed():
    result = operators.table2(pd.concat([fire(), fire().assign(model="my_net"), residual()]))
    assert result["model"].tolist() == ["resnet50", "squeezenet", "my_net"]
    assert result[result["model"] == "my_net"]["macs_printed"].isna().all()


def test_no_graph_is_an_empty_table():
    assert operators.table2(storage.table("nodes", [])).empty
