"""Tests of random weights, which are used for timing only."""

import pytest

from aiot_suite import catalog, prepare
from aiot_suite.errors import ModelError
from aiot_suite.facts import NO_LABELS, Settings
from aiot_suite.weights import weight_sources
from runner.agent.loop import labels

torch = pytest.importorskip("torch", reason="networks are built with the extra `models`")

CATALOG = catalog.load()


def test_random_weights_are_the_same_at_every_call_and_leave_other_random_numbers_alone(tmp_path):
    model = CATALOG.model("squeezenet1_1")
    source = weight_sources.locate("random", model, tmp_path)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = (prepare.network(source, model).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert weight_sources.locate("random", model, tmp_path) == source


def test_no_output_of_random_weights_is_a_class(tmp_path):
    source = weight_sources.locate("random", CATALOG.model("efficientnet_b0"), tmp_path)
    settings = source.settings
    assert (source.name, source.file, source.accuracy) == ("random", None, None)
    assert (settings.label_space, settings.classes, settings.interpolation) == (NO_LABELS, 1000, "bicubic")
    assert {labels(settings.record())(index) for index in range(1000)} == {-1}
    assert Settings.parse(settings.record(), "a file") == settings


def test_a_network_whose_last_layer_starts_with_zeros_has_different_scores():
    """The last layer of torchvision's ViTs starts with zeros; equal scores would pass any comparison of files."""
    network = weight_sources.draw(catalog.Model("small", lambda classes: _with_zeros(torch.nn.Linear(4, classes))))
    scores = network(torch.ones(1, 4))
    assert len(set(scores[0].tolist())) > 900


def _with_zeros(layer):
    torch.nn.init.zeros_(layer.weight)
    return layer.eval()


def test_a_network_without_sample_weights_gets_random_ones_and_says_so(tmp_path):
    with_sample, without = CATALOG.model("mobilenet_v2"), CATALOG.model("mobilenet_v3_small")
    assert weight_sources.locate("sample", with_sample, tmp_path).notes == ()
    source = weight_sources.locate("sample", without, tmp_path)
    assert source.name == "random"
    assert source.notes == (
        "mobilenet_v3_small has no sample weights: its weights are random, so that it has times, but no accuracy",
    )


def test_a_folder_cannot_be_called_random(tmp_path):
    (tmp_path / "random").mkdir()
    with pytest.raises(ModelError, match="reserved for the toolkit's own weights, 'random'"):
        weight_sources.locate(str(tmp_path / "random"), CATALOG.model("mobilenet_v2"), tmp_path)


def test_settings_without_labels_are_only_for_random_weights():
    with pytest.raises(ModelError, match=r"has label_map \{\}: write an object"):
        Settings.parse({"size": 8, "label_space": "mine", "classes": 3, "label_map": {}}, "a file")
