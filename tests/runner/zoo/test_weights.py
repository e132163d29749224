import hashlib
import http.server
import re
import threading

import numpy as np
import pytest

from runner import catalog
from runner.errors import ModelError
from runner.suite import MODELS
from runner.zoo import architectures, prepare, weights
from runner.zoo.facts import Settings

torch = pytest.importorskip("torch", reason="weights are read with the extra `models`")
MODEL = catalog.load().models
CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT whole, cut short, altered, or not at all, by the name that is asked for."""

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
    file = weights.download(f"{address}/good.pth", SHA256[:8], tmp_path)
    assert file.read_bytes() == CONTENT
    assert weights.download("http://127.0.0.1:9/good.pth", SHA256[:8], tmp_path) == file


@pytest.mark.parametrize("name", ["cut.pth", "wrong.pth"])
def test_an_incomplete_or_wrong_download_is_never_kept(address, tmp_path, name):
    with pytest.raises(ModelError, match=f"{name} came with a wrong SHA-256 .*: it was not kept, try again"):
        weights.download(f"{address}/{name}", SHA256[:8], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/closed.pth", "{}/missing.pth"])
def test_no_network_says_what_to_do_instead(address, tmp_path, url):
    with pytest.raises(
        ModelError, match=r"cannot be downloaded .*: use `--weights sample`, or put the file into a folder"
    ):
        weights.download(url.format(address), SHA256[:8], tmp_path)


@pytest.mark.parametrize("model", MODELS)
def test_torchvisions_files_carry_the_beginning_of_their_hash(model):
    url, prefix = weights.torchvision_file(model)
    assert url.endswith(f"-{prefix}.pth")
    assert len(prefix) >= 8 and int(prefix, 16) >= 0


STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}


def save(folder, suffix):
    path = folder / f"mnasnet{suffix}"
    if suffix == ".npz":
        np.savez(path, **{name: value.numpy().astype(np.float16) for name, value in STATE.items()})
    elif suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(STATE, path)
    else:
        torch.save(STATE, path)
    return path


@pytest.mark.parametrize("suffix", weights.SUFFIXES)
def test_a_folder_may_hold_any_of_the_formats(tmp_path, suffix):
    source = weights.locate(str(tmp_path), MODEL["mnasnet"], tmp_path) if save(tmp_path, suffix) else None
    state = weights.read(source.file)
    assert state["a.weight"].dtype == torch.float32
    assert torch.equal(state["a.weight"], STATE["a.weight"])
    assert (source.settings.classes, source.settings.label_space) == (2, "custom-2")


def test_settings_beside_the_weights_count(tmp_path):
    save(tmp_path, ".npz")
    (tmp_path / "mnasnet.json").write_text('{"channel_order": "BGR", "mean": [104, 117, 123], "std": [1, 1, 1]}')
    settings = weights.locate(str(tmp_path), MODEL["mnasnet"], tmp_path).settings
    assert (settings.channel_order, settings.mean, settings.size) == ("BGR", (104, 117, 123), 224)
    (tmp_path / "mnasnet.json").write_text('{"colour": "blue"}')
    with pytest.raises(ModelError, match=r"not complete or not known .*colour"):
        weights.locate(str(tmp_path), MODEL["mnasnet"], tmp_path)


@pytest.mark.parametrize("suffix", weights.SUFFIXES)
def test_a_damaged_file_is_one_sentence(tmp_path, suffix):
    path = tmp_path / f"mnasnet{suffix}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="is not a state dict that can be read"):
        weights.read(path)


def test_a_folder_without_the_model_says_what_it_looked_for(tmp_path):
    with pytest.raises(ModelError, match=r"has no mnasnet\.pth or \.npz or \.safetensors"):
        weights.locate(str(tmp_path), MODEL["mnasnet"], tmp_path)


def test_weights_that_do_not_fit_the_network_are_named(tmp_path):
    source = weights.Source("mine", save(tmp_path, ".npz"), "0", Settings(224, "custom-2", 2))
    with pytest.raises(ModelError, match=r"mnasnet\.npz does not fit mnasnet: Error\(s\) in loading state_dict"):
        prepare.network(source, MODEL["mnasnet"])


@pytest.mark.parametrize("model", ["squeezenet", "mobilenet_v2", "mnasnet"])
def test_the_sample_weights_fit_their_networks(model, tmp_path):
    source = weights.locate("sample", MODEL[model], tmp_path)
    network = prepare.network(source, MODEL[model])
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 100)


@pytest.mark.parametrize("model", ["inception_v3", "densenet121", "squeezenet"])
def test_torchvisions_files_fit_their_networks(model, tmp_path):
    """With random weights in a file of the right name and, for DenseNet, the layer names of its time."""
    name, _ = architectures.TORCHVISION_NAMES[model]
    url, _ = weights.torchvision_file(model)
    arguments = {"init_weights": False} if model == "inception_v3" else {}
    original = getattr(architectures.torchvision_models(), name)(**arguments).eval()
    state = original.state_dict()
    if model == "densenet121":
        state = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): value for key, value in state.items()}
        state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    file = tmp_path / "checkpoints" / url.rsplit("/", 1)[1]
    file.parent.mkdir()
    torch.save(state, file)
    network = prepare.network(
        weights.Source("pretrained", file, "0", Settings(224, "imagenet-1000", 1000), "torchvision"), MODEL[model]
    )
    image = torch.rand(1, 3, 299, 299)
    with torch.no_grad():
        assert torch.equal(network(image), original(image))


def test_pretrained_inception_is_normalized_to_minus_one_to_one():
    settings = weights._pretrained_settings("inception_v3")
    assert (settings.mean, settings.std, settings.size) == ((127.5,) * 3, (127.5,) * 3, 299)
