"""Tests of profiling a network: each operator of each repetition has the name of its node."""

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
        pass_ns, profiled = pytorch_operators.profiled_pass(network, image)
    operators = pytorch_operators.named_operators(nodes, profiled)
    assert [operator["operator"] for operator in operators] == [node["node"] for node in nodes[1:]]
    assert [operator["kind"] for operator in operators] == [node["kind"] for node in nodes[1:]]
    assert all(operator["time_ns"] > 0 for operator in operators)
    assert sum(operator["time_ns"] for operator in operators) <= pass_ns


def test_an_operator_of_no_kind_keeps_its_own_name():
    nodes = [{"node": "x", "kind": "input"}, {"node": "a", "kind": "relu"}, {"node": "b", "kind": "other"}]
    named = pytorch_operators.named_operators(nodes, [("aten::flatten", 5), ("aten::relu_", 7)])
    assert named == [
        {"operator": "aten::flatten", "kind": "other", "time_ns": 5},
        {"operator": "a", "kind": "relu", "time_ns": 7},
    ]


@pytest.mark.parametrize("profiled", [[], [("aten::add", 1)], [("aten::relu", 1), ("aten::relu", 1)]])
def test_operators_that_do_not_match_the_graph_are_refused(profiled):
    with pytest.raises(ModelError, match=rf"PyTorch ran {len(profiled)} operators, which do not match the 1 nodes"):
        pytorch_operators.named_operators([{"node": "a", "kind": "relu"}], profiled)
