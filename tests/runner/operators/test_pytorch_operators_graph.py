"""Tests of graphs of networks against counts that are computed here from shapes."""

import pytest

torch = pytest.importorskip("torch", reason="tracing needs the extra `models`")

from aiot_suite import architectures  # noqa: E402
from aiot_suite.facts import INPUT_SIZES  # noqa: E402
from aiot_suite.suite import MODELS  # noqa: E402
from runner.operators import pytorch_operators  # noqa: E402
from runner.rawlog import EVENT_FIELDS, check  # noqa: E402

MILLIONS = {  # multiply-accumulates and parameters
    "resnet50": (4089, 25.6),
    "inception_v3": (5713, 23.8),
    "densenet121": (2834, 8.0),
    "squeezenet": (819, 1.25),
    "mobilenet_v2": (301, 3.5),
    "mnasnet": (314, 4.4),
}


class Block(torch.nn.Module):
    """A depthwise convolution with a shortcut around it."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(8, 8, (3, 1), padding=(1, 0), groups=8, bias=False)
        self.norm = torch.nn.BatchNorm2d(8)

    def forward(self, x):
        return torch.cat([x + self.norm(self.conv(x)), x], 1)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 5, stride=2)
        self.block = Block()
        self.head = torch.nn.Linear(16, 10)

    def forward(self, x):
        x = torch.nn.functional.relu(self.stem(x), inplace=True)
        x = torch.nn.functional.max_pool2d(self.block(x), kernel_size=3, stride=2)
        return self.head(x.mean([2, 3]))


@pytest.fixture(scope="module")
def nodes():
    return {node["node"]: node for node in pytorch_operators.trace(Network().eval(), 32)}


def test_nodes_come_in_an_order_in_which_they_can_be_computed_and_are_events_of_the_format(nodes):
    computed = set()
    for name, node in nodes.items():
        check(node, EVENT_FIELDS["node"], name)
        assert set(node["inputs"]) <= computed
        computed.add(name)
    assert [node["kind"] for node in nodes.values()] == [
        *(
            pytorch_operators.INPUT,
            "convolution",
            "relu",
            "depthwise convolution",
            "batch norm",
            "addition",
            "concatenation",
        ),
        *("pooling", "pooling", "linear"),
    ]


def test_a_layer_has_its_shapes_and_what_it_costs(nodes):
    stem, depthwise, head = nodes["stem"], nodes["block_conv"], nodes["head"]
    assert (stem["kernel"], stem["stride"], stem["groups"]) == ([5, 5], [2, 2], 1)
    assert (stem["in_shape"], stem["out_shape"]) == ([1, 3, 32, 32], [1, 8, 14, 14])
    assert (stem["macs"], stem["parameters"]) == (8 * 14 * 14 * 5 * 5 * 3, 8 * 5 * 5 * 3 + 8)
    assert (depthwise["kernel"], depthwise["groups"]) == ([3, 1], 8)
    assert (depthwise["macs"], depthwise["parameters"]) == (8 * 14 * 14 * 3, 8 * 3)
    assert (head["macs"], head["parameters"]) == (16 * 10, 16 * 10 + 10)
    assert (nodes["add"]["macs"], nodes["add"]["parameters"]) == (0, 0)
    assert (nodes["max_pool2d"]["kernel"], nodes["max_pool2d"]["stride"]) == ([3, 3], [2, 2])


def test_functions_know_the_module_that_calls_them(nodes):
    assert nodes["add"]["within"] == ["block:Block"]
    assert nodes["block_conv"]["within"] == ["block:Block"]
    assert nodes["relu"]["within"] == []
    assert nodes["add"]["inputs"] == ["relu", "block_norm"]


def test_tracing_leaves_the_network_as_it_was():
    network = Network()
    pytorch_operators.trace(network, 32)
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


@pytest.mark.parametrize("model", MODELS)
def test_the_six_networks_cost_what_their_shapes_say(model):
    network = architectures.build(model, pytorch_operators.CLASSES)
    nodes = pytorch_operators.trace(network, INPUT_SIZES.get(model, 224))
    for node in nodes:
        out, into = node["out_shape"], node["in_shape"]
        if node["kind"] in (pytorch_operators.CONVOLUTION, pytorch_operators.DEPTHWISE):
            high, wide = node["kernel"]
            expected = out[1] * out[2] * out[3] * high * wide * into[1] // node["groups"]
        else:
            expected = into[-1] * out[-1] if node["kind"] == "linear" else 0
        assert node["macs"] == expected, node["node"]
    assert sum(node["parameters"] for node in nodes) == sum(parameter.numel() for parameter in network.parameters())
    macs, parameters = (sum(node[name] for node in nodes) / 1e6 for name in ("macs", "parameters"))
    assert (round(macs), round(parameters, 2 if model == "squeezenet" else 1)) == MILLIONS[model]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::conv2d", "convolution"),
        ("Conv2d", "convolution"),
        ("aten::relu6_", "relu"),
        ("ReLU6", "relu"),
        ("aten::add_", "addition"),
        ("AdaptiveAvgPool2d", "pooling"),
        ("aten::batch_norm", "batch norm"),
        ("aten::cat", "concatenation"),
        ("flatten", pytorch_operators.OTHER),
    ],
)
def test_layers_functions_and_operators_of_one_kind_have_its_name(name, kind):
    assert pytorch_operators.kind_of(name) == kind
