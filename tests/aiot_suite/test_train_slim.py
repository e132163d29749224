import pytest

from aiot_suite.suite import HEAVY_MODELS

torch = pytest.importorskip("torch", reason="networks are built with the extra `models`")
SIZES = {"resnet50": 64, "densenet121": 64, "inception_v3": 96}
MILLIONS = {"resnet50": 23.713, "densenet121": 7.056, "inception_v3": 21.990}  # number of parameters with 100 classes


def trained(model):
    """Return a slim network whose batch norms are not the identity."""
    from aiot_suite.train import slim

    torch.manual_seed(1)
    network = slim(model)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.2, 0.6)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("model", HEAVY_MODELS)
def test_the_heavy_network_gives_the_slim_ones_answers(model):
    from aiot_suite.train import embedded

    thin = trained(model)
    heavy = embedded(model, thin.state_dict())
    assert sum(parameter.numel() for parameter in heavy.parameters()) / 1e6 == pytest.approx(MILLIONS[model], abs=1e-3)
    assert sum(parameter.numel() for parameter in thin.parameters()) / 1e6 < MILLIONS[model] / 13
    image = torch.rand(3, 3, SIZES[model], SIZES[model])
    with torch.no_grad():
        expected = thin(image)
        torch.testing.assert_close(heavy(image), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.slow
def test_the_random_channels_are_alive_and_of_a_like_size():
    """Otherwise quantization would see other ranges in the heavy network than in a trained one."""
    from aiot_suite.train import embedded

    heavy = embedded("resnet50", trained("resnet50").state_dict())
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        features = heavy.layer1(heavy.maxpool(heavy.relu(heavy.bn1(heavy.conv1(image)))))
    slim_size, random_size = features[:, :64].std(), features[:, 64:].std()
    assert 0.05 < float(random_size / slim_size) < 20


def test_joined_channels_keep_their_places():
    from aiot_suite.train import Channels

    joined = Channels.joined([Channels.first(8), Channels(4, torch.tensor([1, 3])), Channels.first(4)])
    assert (joined.count, joined.slim.tolist()) == (16, [0, 1, 9, 11, 12])


def test_weights_of_another_network_do_not_fit():
    from aiot_suite.train import embedded, slim

    with pytest.raises(RuntimeError, match="Error"):
        embedded("resnet50", slim("densenet121").state_dict())
