"""Tests of weights in the forms in which trainers save them, and of files that hold something else."""

import argparse
import pickle
from dataclasses import replace

import numpy as np
import pytest

from aiot_suite import catalog
from aiot_suite.catalog import Model
from aiot_suite.errors import ModelError

torch = pytest.importorskip("torch", reason="weights are read with the extra `models`")

from aiot_suite.weights import state_dicts  # noqa: E402  it needs torch


def build(classes: int):
    nn = torch.nn
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(body, nn.Linear(4, classes)).eval()


TINY = Model("tiny", build)
torch.manual_seed(0)
OWN = build(10).state_dict()
PICTURE = torch.linspace(-2, 2, 3 * 8 * 8).reshape(1, 3, 8, 8)


def prefixed(prefix: str, state=OWN) -> dict:
    return {prefix + name: value for name, value in state.items()}


def loaded(file) -> state_dicts.FittedWeights:
    return state_dicts.load(file, TINY)


def answer(fitted: state_dicts.FittedWeights):
    network = build(fitted.outputs)
    network.load_state_dict(fitted.state)
    with torch.inference_mode():
        return network(PICTURE)


def expected():
    network = build(10)
    network.load_state_dict(OWN)
    with torch.inference_mode():
        return network(PICTURE)


FORMS = {
    "plain": OWN,
    "parameters": {name: torch.nn.Parameter(value, requires_grad=False) for name, value in OWN.items()},
    "state_dict": {"state_dict": OWN, "epoch": 3, "best": torch.tensor(70.1)},
    "model": {"model": OWN, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []}},
    "any other key": {"net_weights": OWN},
    "two levels": {"checkpoint": {"state_dict": OWN}},
    "objects beside them": {"model": OWN, "args": argparse.Namespace(lr=0.1), "best": np.float64(0.7)},
    "module.": prefixed("module."),
    "_orig_mod.": prefixed("_orig_mod."),
    "module._orig_mod.": {"state_dict": prefixed("module._orig_mod.")},
    "a wrapped part": {name.replace("0.", "0.module.", 1): value for name, value in OWN.items()},
    "averaged": {"n_averaged": torch.tensor(5), **prefixed("module.")},
    "Lightning": {
        "epoch": 2,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": prefixed("model.") | {"loss.weight": torch.ones(10)},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
        "hyper_parameters": {"lr": 0.1},
    },
    "no counters": {name: value for name, value in OWN.items() if not name.endswith("num_batches_tracked")},
    "double": {name: value.double() if value.is_floating_point() else value for name, value in OWN.items()},
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_network(tmp_path, content):
    torch.save(content, tmp_path / "tiny.pth")
    fitted = loaded(tmp_path / "tiny.pth")
    assert fitted.outputs == 10
    assert torch.equal(answer(fitted), expected())


@pytest.mark.parametrize("suffix", state_dicts.SUFFIXES)
def test_every_suffix_and_any_order_of_names(tmp_path, suffix):
    file = tmp_path / f"tiny{suffix}"
    state = dict(sorted(OWN.items()))
    assert list(state)[-1] != "1.bias"
    if suffix == ".npz":
        np.savez(file, **{name: value.numpy() for name, value in state.items()})
    elif suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(state, file)
    else:
        torch.save(state, file)
    assert torch.equal(answer(loaded(file)), expected())


def test_files_from_before_torch_1_6_are_read(tmp_path):
    torch.save({"state_dict": OWN}, tmp_path / "tiny.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(answer(loaded(tmp_path / "tiny.pth")), expected())


def test_half_precision_becomes_float32(tmp_path):
    file = tmp_path / "tiny.npz"
    np.savez(file, **{name: value.numpy().astype(np.float16) for name, value in OWN.items()})
    state = loaded(file).state
    assert state["1.weight"].dtype == torch.float32
    assert torch.equal(state["1.weight"], OWN["1.weight"].half().float())


def test_ignored_tensors_are_reported(tmp_path):
    torch.save(FORMS["Lightning"], tmp_path / "tiny.ckpt")
    assert loaded(tmp_path / "tiny.ckpt").left_out == ("loss.weight",)


NAN = {name: value * float("nan") if value.is_floating_point() else value for name, value in OWN.items()}
REFUSED = {
    "two sets": ({"model": OWN, "model_ema": OWN}, r"contains 2 sets of weights \(model, model_ema\)"),
    "twice": ({"state_dict": prefixed("student.") | prefixed("teacher.")}, r"more than once \(student\., teacher\.\)"),
    "both names": (OWN | prefixed("module."), "contains some layers twice, with and without a wrapper's prefix"),
    "a whole network": (build(10), "contains a whole Sequential, and loading it would run code from the file: save"),
    "a network in it": ({"model": build(10), "epoch": 1}, "contains no weights, only a Sequential as 'model'"),
    "a list": ([1, 2], "contains a list: save the network's"),
    "nothing": ({}, "contains no weights, only an empty dictionary"),
    "no weights": ({"epoch": 3, "loss": 0.1}, "contains no weights, only 'epoch', 'loss'"),
    "all nan": (NAN, r"178 of the 178 values in .* are not finite \(the first is in 0\.0\.weight\)"),
    "one infinity": (
        OWN | {"1.bias": torch.tensor([1.0] * 9 + [np.inf])},
        r"1 of the 178 values in .* are not finite \(the first is in 1\.bias\)",
    ),
    "integers": (
        OWN | {"1.weight": torch.ones(10, 4, dtype=torch.int8)},
        "1.weight is int8: use floating-point weights",
    ),
    "a layer missing": (
        {name: OWN[name] for name in list(OWN)[:-1]},
        r"1 of the network's 8 tensors are missing \(1\.b",
    ),
    "a layer too many": (OWN | {"2.weight": torch.ones(2)}, "does not fit tiny: 2.weight is not in this network"),
    "another shape": (
        OWN | {"0.0.weight": torch.ones(4, 3, 5, 5)},
        "0.0.weight has shape 4x3x5x5, but this network expects 4x3x3x3",
    ),
    "two sizes": (OWN | {"0.0.bias": torch.ones(6), "0.1.bias": torch.ones(6)}, "layers other than the last one"),
}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("content", "sentence"), REFUSED.values(), ids=REFUSED)
def test_an_ambiguous_or_invalid_file_of_weights_is_one_sentence(tmp_path, content, sentence):
    torch.save(content, tmp_path / "tiny.pth")
    with pytest.raises(ModelError, match=sentence) as refused:
        loaded(tmp_path / "tiny.pth")
    assert "weights_only" not in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantized_tensors_are_refused(tmp_path):
    torch.save({"1.weight": torch.quantize_per_tensor(torch.ones(10, 4), 0.1, 0, torch.qint8)}, tmp_path / "tiny.pth")
    with pytest.raises(ModelError, match=r"contains quantized tensors, for example 1\.weight"):
        loaded(tmp_path / "tiny.pth")


BYTES = {
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 14\n",
        "is a Git LFS pointer",
    ),
    "a git-annex pointer": (b"/annex/objects/SHA256E-s1--0.pth\n", "is a git-annex pointer"),
    "a page": (b"\n<!DOCTYPE html>\n<html><head>", r"is a web page \(HTML\): download the weights again"),
    "a page without its type": (b'<?xml version="1.0"?>\n<HTML lang="en">', "is a web page"),
    "a message": (b'{"message": "Not Found"}', 'is a text file that starts with \'{"message": "Not Found"}\''),
    "nothing": (b"", "is empty"),
    "gzip": (b"\x1f\x8b\x08\x00\x00", "is compressed with gzip"),
    "other bytes": (bytes(range(256)) * 4, "cannot be read as a state dict"),
    "a pickle": (pickle.dumps({"1.weight": np.ones(3)}), "cannot be read as a state dict"),
}


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors"])
@pytest.mark.parametrize(("content", "sentence"), BYTES.values(), ids=BYTES)
def test_another_file_is_named_as_what_it_is(tmp_path, content, sentence, suffix):
    file = tmp_path / f"tiny{suffix}"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=sentence) as refused:
        state_dicts.read(file)
    assert not {"weights_only", "allow_pickle", "arbitrary"} & set(str(refused.value).replace("`", " ").split())


def test_an_array_of_objects_is_not_read(tmp_path):
    np.savez(tmp_path / "tiny.npz", state=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match="contains Python objects other than tensors, and loading it would run code"):
        state_dicts.read(tmp_path / "tiny.npz")


class _Harmful:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_of_a_file_is_run(tmp_path, zipped):
    content = {"model": OWN, "other": _Harmful(tmp_path / "run")}
    torch.save(content, tmp_path / "tiny.pth", _use_new_zipfile_serialization=zipped)
    try:
        loaded(tmp_path / "tiny.pth")
    except ModelError as error:
        assert "would run code" in str(error)
    assert not (tmp_path / "run").exists()


def test_a_torchscript_program_is_named(tmp_path):
    file = tmp_path / "tiny.pt"
    with pytest.warns(DeprecationWarning):
        torch.jit.trace(build(10), PICTURE).save(str(file))
    with pytest.raises(ModelError, match="is a TorchScript program, not a state dict"):
        state_dicts.read(file)


def test_a_network_made_for_a_fixed_number_of_classes_keeps_it(tmp_path):
    torch.save(OWN, tmp_path / "tiny.pth")
    assert state_dicts.load(tmp_path / "tiny.pth", replace(TINY, build=lambda _: build(10))).outputs == 10


@pytest.mark.parametrize("model", ["squeezenet", "mobilenet_v2"])
def test_the_number_of_classes_is_the_last_layers(tmp_path, model):
    """If the names in a file are sorted, the bias of another layer comes last."""
    network = catalog.load().models[model]
    state = network.build(7).state_dict()
    np.savez(tmp_path / f"{model}.npz", **{name: state[name].numpy() for name in sorted(state)})
    assert state_dicts.load(tmp_path / f"{model}.npz", network).outputs == 7
