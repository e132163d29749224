"""Profiling one network: every operator of every repetition, by the name of its node."""

import pytest

torch = pytest.importorskip("torch", reason="profiling needs the extra `models`")

from aiot_suite.errors import ModelError  # noqa: E402
from runner.operators import pytorch_operators  # noqa: E402
from tests.runner.operators.test_pytorch_operators_graph import Network  # noqa: E402


@pytest.fixture(scope="module")
def network():
    return Network().eval()


def test_operators_are_the_nodes_of_the_graph_in_their_order(network):
    image = torch.rand(1, 3, 32, 32)
    nodes = pytorch_operators.trace(network, 32)
    with torch.inference_mode():
        took, ran = pytorch_operators.profiled_pass(network, image)
    operators = pytorch_operators.named_operators(nodes, ran)
    assert [one["operator"] for one in operators] == [node["node"] for node in nodes[1:]]
    assert [one["kind"] for one in operators] == [node["kind"] for node in nodes[1:]]
    assert all(one["time_ns"] > 0 for one in operators)
    assert sum(one["time_ns"] for one in operators) <= took


def test_an_operator_of_no_kind_keeps_its_own_name():
    nodes = [{"node": "x", "kind": "input"}, {"node": "a", "kind": "relu"}, {"node": "b", "kind": "other"}]
    found = pytorch_operators.named_operators(nodes, [("aten::flatten", 5), ("aten::relu_", 7)])
    assert found == [
        {"operator": "aten::flatten", "kind": "other", "time_ns": 5},
        {"operator": "a", "kind": "relu", "time_ns": 7},
    ]


@pytest.mark.parametrize("ran", [[], [("aten::add", 1)], [("aten::relu", 1), ("aten::relu", 1)]])
def test_operators_that_do_not_match_the_graph_are_refused(ran):
    with pytest.raises(ModelError, match=rf"PyTorch ran {len(ran)} operators, which do not match the 1 nodes"):
        pytorch_operators.named_operators([{"node": "a", "kind": "relu"}], ran)
