import hashlib
import http.server
import json
import re
import threading

import numpy as np
import pytest

from aiot_suite import architectures, catalog, prepare
from aiot_suite.errors import ModelError
from aiot_suite.suite import MODELS
from aiot_suite.weights import weight_sources

torch = pytest.importorskip("torch", reason="weights are read with the extra `models`")
CATALOG = catalog.load()
MODEL = CATALOG.models
CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Server(http.server.BaseHTTPRequestHandler):
    """A server of CONTENT, which is whole, truncated, altered or absent depending on the requested name."""

    def do_GET(self):
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        body = {"/cut.pth": CONTENT[:1000], "/wrong.pth": CONTENT[:-1] + b"?"}.get(self.path, CONTENT)
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_is_checked_and_made_once(address, tmp_path):
    file = weight_sources.download(f"{address}/good.pth", SHA256[:8], tmp_path)
    assert file.read_bytes() == CONTENT
    assert weight_sources.download("http://127.0.0.1:9/good.pth", SHA256[:8], tmp_path) == file


@pytest.mark.parametrize("name", ["cut.pth", "wrong.pth"])
def test_an_incomplete_or_wrong_download_is_never_kept(address, tmp_path, name):
    with pytest.raises(ModelError, match=f"{name} has the wrong SHA-256 .* and was discarded: try again"):
        weight_sources.download(f"{address}/{name}", SHA256[:8], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/closed.pth", "{}/missing.pth"])
def test_no_network_says_what_to_do_instead(address, tmp_path, url):
    with pytest.raises(
        ModelError, match=r"cannot be downloaded .*: use `--weights sample`, or put the file into a folder"
    ):
        weight_sources.download(url.format(address), SHA256[:8], tmp_path)


@pytest.mark.parametrize("model", MODELS)
def test_torchvisions_files_carry_the_beginning_of_their_hash(model):
    url, prefix = weight_sources.torchvision_file(MODEL[model].torchvision)
    assert url.endswith(f"-{prefix}.pth")
    assert len(prefix) >= 8 and int(prefix, 16) >= 0


def state_of(model: str, classes: int = 7, **arguments) -> dict:
    """Return the state dict of a network of torchvision whose batch norms are not the identity."""
    torch.manual_seed(0)
    name = MODEL[model].torchvision
    return getattr(architectures.torchvision_models(), name)(num_classes=classes, **arguments).state_dict()


@pytest.fixture(scope="module")
def mobilenet():
    return state_of("mobilenet_v2")


def located(folder, model="mobilenet_v2"):
    return weight_sources.locate(str(folder), CATALOG.model(model), folder)


def test_settings_beside_the_weights_count(tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / "mobilenet_v2.pth")
    beside = tmp_path / "mobilenet_v2.json"
    beside.write_text('{"channel_order": "BGR", "mean": [104, 117, 123], "std": [1, 1, 1], "accuracy": 0.7}')
    source = located(tmp_path)
    settings = source.settings
    assert (settings.channel_order, settings.mean, settings.size) == ("BGR", (104, 117, 123), 224)
    assert (settings.classes, settings.label_space, source.accuracy) == (7, "custom-7", 0.7)
    beside.write_text('{"colour": "blue"}')
    with pytest.raises(ModelError, match=r"incomplete or contain unknown names .*colour"):
        located(tmp_path)
    beside.write_text('{"classes": 10}')
    with pytest.raises(ModelError, match="has 7 outputs, but its settings say 10 classes starting at output 0"):
        located(tmp_path)
    beside.write_text('{"label_offset": 1}')
    assert located(tmp_path).settings.classes == 6


PUBLISHED = {
    "googlenet": "googlenet-1378be20.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "inception_v3": "inception_v3_google-0cc3c7bd.pth",
    "densenet121": "densenet121-a639ec97.pth",
    "squeezenet": "squeezenet1_0-b66bff10.pth",
    "mobilenet_v2": "mobilenet_v2-b0353104.pth",
    "mnasnet": "mnasnet1.0_top1_73.512-f206786ef8.pth",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_file_is_found_by_the_name_torchvision_publishes_it_with(tmp_path, model):
    (tmp_path / PUBLISHED[model]).touch()
    (tmp_path / "resnet50_v2.pth").touch()
    (tmp_path / "mobilenet_v2-notes.pth").touch()
    assert weight_sources._file_in(tmp_path, MODEL[model]).name == PUBLISHED[model]


def test_a_file_that_is_not_the_one_its_name_says_is_told(tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / "mobilenet_v2-b0353104.pth")
    source = located(tmp_path)
    assert f"its SHA-256 starts with {source.sha256[:8]}, but its name says b0353104" in source.notes[0]
    assert source.accuracy is None


def test_a_file_of_torchvisions_is_known_by_its_hash(tmp_path, mobilenet, monkeypatch):
    """The hash identifies the file under any name; the accuracy is the one published for its second weights."""
    file = tmp_path / "mobilenet_v2.pth"
    torch.save(mobilenet, file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(weight_sources, "_hash_in", lambda url: sha256[:8] if "7ebf99e0" in url else "none")
    source = located(tmp_path)
    assert (source.accuracy, source.notes) == (0.72154, ())


@pytest.mark.parametrize("other", ["mobilenet_v2.safetensors", "mobilenet_v2-b0353104.pth", "mobilenet_v2.npz"])
def test_two_files_of_a_model_are_refused(tmp_path, other):
    for name in ("mobilenet_v2.pth", other):
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match="but mobilenet_v2 can have only one weights file") as refused:
        located(tmp_path)
    assert "mobilenet_v2.pth" in str(refused.value) and other in str(refused.value)


def test_a_folder_without_the_model_says_what_it_looked_for(tmp_path):
    with pytest.raises(
        ModelError, match=r"contains no mnasnet\.pth or \.pt or .*, or torchvision's mnasnet1.0_top1_73"
    ):
        located(tmp_path, "mnasnet")
    with pytest.raises(ModelError, match=r"There is no folder .*nowhere"):
        located(tmp_path / "nowhere")
    (tmp_path / "mobilenet_v2.pth").touch()
    with pytest.raises(ModelError, match="is a file: give the folder that contains it"):
        located(tmp_path / "mobilenet_v2.pth")


@pytest.mark.parametrize("name", ["sample", "pretrained"])
def test_a_folder_cannot_pass_for_the_toolkits_own_weights(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ModelError, match="rename the folder"):
        located(tmp_path / name)


@pytest.mark.parametrize("model", ["squeezenet", "mobilenet_v2", "mnasnet"])
def test_the_sample_weights_fit_their_networks(model, tmp_path):
    source = weight_sources.locate("sample", MODEL[model], tmp_path)
    network = prepare.network(source, MODEL[model])
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 100)


def in_todays_form(state):
    return state


def in_densenets_first_form(state):
    """Return the weights with the layer names of torch before 0.4.1, and without its later counters."""
    renamed = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in state.items()}
    return {name: value for name, value in renamed.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize(
    ("model", "form", "arguments"),
    [
        ("inception_v3", in_todays_form, {"init_weights": False, "transform_input": True}),
        ("googlenet", in_todays_form, {"init_weights": False, "transform_input": True}),
        ("densenet121", in_densenets_first_form, {}),
        ("squeezenet", in_todays_form, {}),
    ],
)
def test_torchvisions_files_in_a_folder_give_what_torchvision_gives(tmp_path, model, form, arguments):
    """A file with random weights gives the scores of torchvision's own network for a picture normalized as usual."""
    torch.manual_seed(0)
    name = CATALOG.model(model).torchvision
    original = getattr(architectures.torchvision_models(), name)(**arguments).eval()
    torch.save(form(original.state_dict()), tmp_path / PUBLISHED[model])
    source = located(tmp_path, model)
    network = prepare.network(source, CATALOG.model(model))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 299, 299)).astype(np.float64)

    def normalized(mean, std):
        values = (pixels - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
        return torch.from_numpy(values.astype(np.float32))

    with torch.inference_mode():
        expected = original(normalized((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
        scores = network(normalized(source.settings.mean, source.settings.std))
    assert scores.shape == (1, 1000) and float(np.ptp(expected.numpy())) > 0.01
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-6)


class _Inception:
    """A stand-in for the entry of Inception, without the network itself, which takes seconds to make."""

    name, settings, file, torchvision = "inception_v3", {}, None, "inception_v3"


TWICE = ((127.5,) * 3, (127.5,) * 3)
ONCE = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
CASES = {
    "nothing is said": ({}, TWICE, 1),
    "transform_input": ({"transform_input": True}, TWICE, 0),
    "no transform_input": ({"transform_input": False}, ONCE, 0),
    "the usual ones and transform_input": (
        {"mean": ONCE[0], "std": ONCE[1], "transform_input": True},
        TWICE,
        0,
    ),
    "others": ({"mean": [128, 128, 128], "std": [64, 64, 64]}, ((128,) * 3, (64,) * 3), 0),
}


@pytest.mark.parametrize(("fields", "expected", "assumed"), CASES.values(), ids=CASES)
def test_the_second_normalization_of_inception_is_not_lost(tmp_path, fields, expected, assumed):
    (tmp_path / "inception_v3.json").write_text(json.dumps(fields))
    path = tmp_path / "inception_v3.pth"
    settings, _, notes = weight_sources._settings(tmp_path, path, _Inception, 1000, is_published=False)
    assert (settings.mean, settings.std, settings.size) == (*expected, 299)
    assert len(notes) == assumed


def test_settings_that_do_not_say_how_often_inception_normalizes_are_refused(tmp_path):
    (tmp_path / "inception_v3.json").write_text(json.dumps({"mean": ONCE[0], "std": ONCE[1]}))
    with pytest.raises(ModelError, match='write "transform_input": true for torchvision\'s pretrained weights'):
        weight_sources._settings(tmp_path, tmp_path / "inception_v3.pth", _Inception, 1000, is_published=False)
