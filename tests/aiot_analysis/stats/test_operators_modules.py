import pandas as pd

from aiot_analysis.stats import operators
from aiot_analysis.tables import storage
from tests.aiot_analysis.networks import fire, node, nodes, residual


def test_the_module_that_is_repeated_most_is_typical():
    result = operators.boxes(residual())
    assert set(zip(result["module"], result["of_class"], strict=True)) == {("b.0", "Bottleneck")}
    assert operators.typical_module(residual("5x5")) == "a"  # now all three are alike, and the first one counts


def test_boxes_hold_what_follows_a_convolution_and_arrows_come_from_outside():
    result = operators.boxes(residual()).set_index("box")
    assert result["label"].to_dict() == {
        "add0": "input, 8",
        "one1": "1x1 conv, 8",
        "two1": "3x3 conv, 8",
        "add1": "addition",
    }
    assert result.loc["one1", "also"] == "batch norm, relu"
    assert result["inputs"].to_dict() == {"add0": "", "one1": "add0", "two1": "one1", "add1": "two1 add0"}
    assert result["kind"].tolist() == ["input", "convolution", "convolution", "addition"]


def test_a_layer_that_changes_is_another_box():
    before, after = operators.boxes(fire()), fire()
    after.loc[after["node"] == "right", ["kernel", "stride"]] = ["5x5", "2x2"]
    changed = operators.boxes(after)
    labels = [frame.set_index("box").loc["right", "label"] for frame in (before, changed)]
    assert labels == ["3x3 conv, 8", "5x5 conv, 8 / 2"]


def test_depthwise_convolutions_and_pooling_are_named():
    within = "m:Module"
    part = nodes(
        "my_net",
        node("x", "input"),
        node("deep", "depthwise convolution", "x", within=within, kernel="3x3"),
        node("point", "convolution", "deep", within=within, kernel="1x1"),
        node("pool", "pooling", "point", within=within, kernel="3x3", operation="MaxPool2d"),
        node("mean", "pooling", "pool", within=within, operation="mean"),
    )
    assert operators.boxes(part)["label"].tolist() == [
        *("input, 8", "3x3 depthwise, 8", "1x1 conv, 8", "3x3 max pooling", "global average pooling")
    ]


def test_the_named_modules_are_those_of_the_networks_that_have_them():
    within = "Mixed_7c:InceptionE"
    part = nodes(
        "inception_v3",
        node("x", "input"),
        *(node(f"c{n}", "convolution", "x", within="Mixed_6b:InceptionC", kernel="1x7") for n in range(4)),
        *(node(f"d{n}", "convolution", "c3", within=within, kernel="1x3") for n in range(2)),
    )
    assert set(operators.boxes(part)["module"]) == {"Mixed_7c"}


def test_a_network_without_such_a_module_has_no_boxes():
    part = nodes("my_net", node("x", "input"), node("one", "convolution", "x", kernel="1x1", within="s:Sequential"))
    assert operators.boxes(part).empty
    assert operators.boxes(storage.table("nodes", [])).empty
    assert operators.boxes(pd.concat([part, fire()]))["model"].unique().tolist() == ["squeezenet"]
