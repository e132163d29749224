"""Tests of networks of torchvision and timm that are selected by name, without a plug-in."""

import hashlib
import io
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from aiot_suite import architectures, catalog, prepare, suite
from aiot_suite.errors import ModelError, SelectionError
from aiot_suite.facts import Settings
from aiot_suite.preprocess import Preprocess
from aiot_suite.weights import weight_sources

torch = pytest.importorskip("torch", reason="networks are built with the extra `models`")

CATALOG = catalog.load()
CLASSIFIERS = architectures.torchvision_classifiers()


def test_torchvision_has_the_networks_that_people_ask_for():
    """The names are those of torchvision, without detection and segmentation networks."""
    names = [
        "efficientnet_b0",
        "mobilenet_v3_small",
        "regnet_y_800mf",
        "shufflenet_v2_x1_0",
        "convnext_tiny",
        "vit_b_16",
    ]
    assert set(names) <= set(CLASSIFIERS)
    assert not {"fasterrcnn_resnet50_fpn", "deeplabv3_resnet50", "raft_small", "r3d_18"} & set(CLASSIFIERS)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_of_torchvision_is_found_with_valid_settings_and_a_checksum(name):
    model = CATALOG.model(name)
    assert model.name == name == CATALOG.model(name.upper().replace("_", "-")).name
    settings = Settings.of_outputs(name, model.settings, 1000, name)
    assert (settings.label_space, settings.classes) == ("imagenet-1000", 1000)
    url, prefix = weight_sources.torchvision_file(model.torchvision or name)
    assert url.startswith("https://") and len(prefix) >= 8 and int(prefix, 16) >= 0


def test_its_preprocessing_is_torchvisions_own():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (375, 500, 3), dtype=np.uint8))
    for name in ("efficientnet_b0", "efficientnet_v2_l", "vit_b_16", "convnext_tiny"):
        settings = Settings.of_outputs(name, CATALOG.model(name).settings, 1000, name)
        own = Preprocess.of(settings.record())(image)
        preset = architectures.torchvision_models().get_model_weights(name).IMAGENET1K_V1.transforms()
        assert np.abs(own[0] - preset(image).numpy()).max() < 1e-5


def test_names_select_instances_of_every_framework_of_the_paper():
    instances = suite.select(["EfficientNet-B0"], everything=CATALOG.everything(names=["EfficientNet-B0,resnet50"]))
    assert {instance.model for instance in instances} == {"efficientnet_b0"}
    assert len(instances) == 4 * 2 + 2  # TFLite in four number formats on CPU and NNAPI, PyTorch, Caffe2


def test_the_papers_networks_keep_the_papers_preprocessing():
    assert [CATALOG.model(name).settings for name in suite.MODELS] == [{}] * 6
    assert CATALOG.model("squeezenet").torchvision == "squeezenet1_0"


def test_a_plug_in_comes_before_a_network_of_torchvision(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "alexnet.py").write_text(
        "SETTINGS = {'size': 63}\n\n\ndef build(classes):\n    return None\n"
    )
    model = catalog.load(tmp_path).model("alexnet")
    assert (model.settings, model.torchvision) == ({"size": 63}, None)


def test_networks_whose_names_differ_in_punctuation_are_told_apart():
    """torchvision has RegNets with 3.2 and with 32 gigaflops, whose names differ only in punctuation."""
    names = ["regnet_y_32gf", "regnet_y_3_2gf"]
    assert [CATALOG.model(name).name for name in names] == names
    for name in names:
        everything = CATALOG.everything(names=names)
        assert {instance.model for instance in suite.select([name], ["tflite"], everything=everything)} == {name}
    assert CATALOG.model("RegNet-Y-3.2GF").name == "regnet_y_3_2gf"
    assert suite.match_name("regnety32gf", names) is None


def test_an_unknown_name_lists_similar_ones():
    with pytest.raises(
        SelectionError, match=r"Model 'efficientnet' is unknown: .*a classifier of torchvision \(like eff"
    ):
        CATALOG.everything(names=["efficientnet"])
    with pytest.raises(ModelError, match=r"There is no model nothing .*plugins/models/nothing\.py"):
        CATALOG.model("nothing")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Serve MobileNetV3 Small with random weights in the way torchvision publishes its files."""
    torch.manual_seed(0)
    network = architectures.build("mobilenet_v3_small", 1000)
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / f"mobilenet_v3_small-{sha256[:8]}.pth").write_bytes(buffer.getvalue())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    entry = SimpleNamespace(
        url=f"http://127.0.0.1:{server.server_port}/mobilenet_v3_small-{sha256[:8]}.pth",
        meta={"_metrics": {"ImageNet-1K": {"acc@1": 67.668}}},
    )
    catalog.find_network("mobilenet_v3_small")  # with the settings that torchvision lists for these weights
    monkeypatch.setattr(architectures, "pretrained_weights", lambda name: [entry])
    yield SimpleNamespace(network=network, sha256=sha256, entry=entry, folder=folder)
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_pretrained_weights_are_downloaded_checked_and_give_what_torchvision_gives(published, tmp_path):
    model = catalog.find_network("mobilenet_v3_small")
    source = weight_sources.locate("pretrained", model, tmp_path)
    assert (source.sha256, source.name) == (published.sha256, "pretrained")
    assert source.accuracy == pytest.approx(0.67668)
    assert (source.settings.resize, source.settings.resize_size, source.settings.size) == ("resize_crop", 256, 224)
    inputs = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(prepare.network(source, model)(inputs), published.network(inputs))


def test_a_file_that_was_altered_on_the_way_is_refused(published, tmp_path):
    [file] = published.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match=r"has the wrong SHA-256 .* and was discarded"):
        weight_sources.locate("pretrained", catalog.find_network("mobilenet_v3_small"), tmp_path)


def test_timm_is_an_extra(monkeypatch):
    def absent():
        raise ImportError(name="timm")

    monkeypatch.setattr(architectures, "timm_library", absent)
    catalog.find_network.cache_clear()
    with pytest.raises(
        SelectionError, match=r"timm:some cannot be built without timm: `pip install 'aiotbench\[timm\]'"
    ):
        CATALOG.everything(names=["timm:some"])


class TestTimm:
    """Tests that require timm."""

    @pytest.fixture(autouse=True)
    def _timm(self):
        architectures.torchvision_models()
        pytest.importorskip("timm", reason="it is an extra")

    def test_a_network_is_found_with_its_own_preprocessing(self):
        """The pixels are compared with those of timm's own transform."""
        from timm.data import create_transform, resolve_data_config

        name = "mobilenetv4_conv_small"
        model = CATALOG.model(f"timm:{name}")
        assert model.name == f"timm_{name}" and CATALOG.model(model.name).name == model.name
        network = model.build(10)
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 10) and not network.training
        settings = Settings.of_outputs(model.name, model.settings, 1000, name)
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (375, 500, 3), dtype=np.uint8))
        transform = create_transform(**resolve_data_config(model=network))
        assert np.abs(Preprocess.of(settings.record())(image)[0] - transform(image).numpy()).max() < 1e-5

    def test_a_name_with_its_weights_is_one_word_in_instances(self):
        [instance] = suite.select(
            ["timm:resnet18.a1_in1k"], ["tflite"], ["cpu"], ["float32"],
            CATALOG.everything(names=["timm:resnet18.a1_in1k"]),
        )  # fmt: skip
        assert instance.id == "tflite_cpu_float32_timm_resnet18_a1_in1k"
        assert suite.Instance.parse(instance.id) == instance

    def test_an_unknown_name_is_told(self):
        with pytest.raises(SelectionError, match="Model 'timm:nothing' is unknown"):
            CATALOG.everything(names=["timm:nothing"])

    def test_there_are_no_pretrained_weights(self, tmp_path):
        with pytest.raises(ModelError, match="There are no pretrained weights for timm_resnet18: name a folder"):
            weight_sources.locate("pretrained", CATALOG.model("timm:resnet18"), tmp_path)
