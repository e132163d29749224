import csv
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="counting needs the extra `models`")

import aiot_analysis.stats
from aiot_suite.architectures import build, count, torchvision_models
from runner.operators import network_sizes
from runner.operators.pytorch_operators import trace

TABLE = Path(aiot_analysis.stats.__file__).with_name("network_sizes.csv")


@pytest.mark.parametrize(("name", "parameters"), [("shufflenet_v2_x0_5", 1_366_792), ("squeezenet1_1", 1_235_496)])
def test_operations_are_counted_as_for_table_ii(name, parameters):
    network = build(name, 1000)
    macs = sum(node["macs"] for node in trace(network, 224))
    assert count(network, 224) == (macs, parameters)


@pytest.mark.slow
@pytest.mark.parametrize("name", network_sizes.TORCHVISION_NAMES.values())
def test_operations_and_parameters_are_those_that_torchvision_states(name):
    [weights, *_] = torchvision_models().get_model_weights(name)
    macs, parameters = count(build(name, 1000), weights.transforms.keywords["crop_size"])
    assert macs / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.0006)
    auxiliary = 3_326_696 if name == "inception_v3" else 0  # parameters of an output that is only used in training
    assert parameters == weights.meta["num_params"] - auxiliary


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_table_of_the_package_is_what_the_command_makes(capsys):
    network_sizes.main()
    assert capsys.readouterr().out == TABLE.read_text(encoding="utf-8")


def test_the_table_has_each_network():
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"]: row["torchvision"] for row in rows} == network_sizes.TORCHVISION_NAMES
    assert {row["size"] for row in rows} == {"224"}
