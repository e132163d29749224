"""Tests of reading which accelerator ran, in all wordings."""

from __future__ import annotations

import pytest

from runner.tools import delegates
from runner.tools.delegates import Delegation, Replaced
from runner.tools.text import split_lines

NNAPI = "TfLiteNnapiDelegate"


@pytest.mark.parametrize(
    ("ending", "total"),
    [
        (".", None),
        (" out of 31", 31),
    ],
)
@pytest.mark.parametrize("where", [".", " for the whole graph.", " for subgraph 0.", " for subgraph 2 (a (b) c)."])
def test_the_four_wordings_of_replacing(ending, total, where):
    text = (
        f"VERBOSE: Replacing 20{ending.rstrip('.')} node(s) with delegate ({NNAPI}) node, yielding 7 partitions{where}"
    )
    assert delegates.find_replacements(split_lines(text)) == [Replaced(NNAPI, 20, total, 7)]


def test_a_line_in_the_log_of_android_is_read_too():
    message = f"Replacing 3 node(s) with delegate ({NNAPI}) node, yielding 2 partitions."
    text = f"11-23 05:00:00.123  77  77 I tflite  : {message}"
    assert delegates.find_replacements(split_lines(text)) == [Replaced(NNAPI, 3, None, 2)]


def replacing(nodes, total, partitions=1, name=NNAPI):
    delegate = f"delegate ({name}) node, yielding {partitions} partitions."
    return f"VERBOSE: Replacing {nodes} out of {total} node(s) with {delegate}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "INFO: Explicitly applied NNAPI delegate, and the model graph will be completely executed by the delegate.",
            Delegation("whole", kernels=1),
        ),
        (
            "Applied NNAPI delegate, and the model graph will be partially executed w/ the delegate.",
            Delegation("partly"),
        ),
        (
            "INFO: Explicitly applied NNAPI delegate, and the model graph will be partially executed by the delegate "
            "w/ 3 delegate kernels.\n" + replacing(20, 31, 7),
            Delegation("partly", 20, 31, 7, 3, NNAPI),
        ),
        (
            "INFO: Though NNAPI delegate is explicitly applied, the model graph will not be executed by the delegate.",
            Delegation("none", 0),
        ),
        ("WARN: NNAPI acceleration is unsupported on this platform.", Delegation("none", 0)),
        ("WARN: Unsupported TFLite delegate: nnapi", Delegation("none", 0)),
        ("WARN: NNAPI not supported", Delegation("none", 0)),
        ("ERROR: Failed to apply NNAPI delegate.\nERROR: Benchmarking failed.", Delegation("refused")),
        ("E0000 00:00:17.1 7 tflite_inference_stage.cc:155] Failed to apply delegate 0", Delegation("refused")),
        ("ERROR: Disallowed CPU fallback detected.", Delegation("refused")),
        ("ERROR: NNAPI delegate requested but no accelerators available.", Delegation("refused")),
        ("INFO: Created TensorFlow Lite delegate for NNAPI.", Delegation("unknown")),
        ("", Delegation("unknown")),
        (replacing(31, 31), Delegation("whole", 31, 31, 1, name=NNAPI)),
        (replacing(31, 31) + "\n" + replacing(31, 31), Delegation("whole", 31, 31, 1, name=NNAPI)),  # on both streams
        (replacing(30, 31, 2), Delegation("partly", 30, 31, 2, name=NNAPI)),
        (replacing(31, 31, name="Vx Delegate"), Delegation("none", 0, others=("external",))),
        (
            f"Replacing 5 node(s) with delegate ({NNAPI}) node, yielding 3 partitions.",
            Delegation("some", 5, None, 3, name=NNAPI),
        ),
        (replacing(10, 31, 3) + "\n" + replacing(4, 4), Delegation("partly", 14, 35, 4, name=NNAPI)),
        (replacing(31, 31, name="TfLiteXNNPackDelegate"), Delegation("none", 0)),
        (
            "Applied XNNPACK delegate, and the model graph will be completely executed w/ the delegate.",
            Delegation("unknown"),
        ),
    ],
)
def test_the_result_of_nnapi_is_read(text, expected):
    assert delegates.delegation(split_lines(text), "nnapi") == expected


def test_other_delegates_are_distinguished():
    text = (
        "INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate "
        "w/ 2 delegate kernels.\n" + replacing(40, 64, 5, "TfLiteGpuDelegateV2")
    )
    assert delegates.delegation(split_lines(text), "gpu") == Delegation("partly", 40, 64, 5, 2, "TfLiteGpuDelegateV2")
    nnapi = delegates.delegation(split_lines(text), "nnapi")
    assert (nnapi.applied, nnapi.nodes, nnapi.accelerator("nnapi")) == ("none", 0, "gpu")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TfLiteNnapiDelegate", "nnapi"),
        ("TfLiteGpuDelegateV2", "gpu"),
        ("TfLiteMetalDelegate", "gpu"),
        ("TfLiteHexagonDelegate", "dsp"),
        ("TfLiteCoreMlDelegate", "coreml"),
        ("Delegate_Provider_COREML", "coreml"),
        ("STABLE_DELEGATE", "stable"),
        ("DispatchDelegate", "npu"),
        ("Vx Delegate", "external"),
        ("TfLiteQnnDelegate", "external"),
        ("SomethingNew", "external"),
        ("TfLiteXNNPackDelegate", "cpu"),
        ("TfLiteFlexDelegate", "cpu"),
    ],
)
def test_every_spelling_of_a_delegate_has_a_kind(name, kind):
    assert delegates.delegate_kind(name) == kind
    nodes = delegates.delegation(split_lines(replacing(31, 31, name=name)), kind).nodes
    assert nodes == (None if kind == "cpu" else 31)


def test_a_library_may_call_its_delegate_what_it_wants():
    text = replacing(20, 31, 5, "Vx Delegate") + "\n" + replacing(11, 13, 4, "TfLiteXNNPackDelegate")
    for kind in ("external", "stable", "npu", "dsp"):
        assert delegates.delegation(split_lines(text), kind) == Delegation("partly", 20, 31, 5, name="Vx Delegate")
    assert delegates.delegation(split_lines(text), "cpu").accelerator("cpu") == "external"


def test_nodes_that_only_hexagon_and_core_ml_tell_count_once():
    own = "INFO: TfLiteHexagonDelegate delegate: 136 nodes delegated out of 139 nodes with 2 partitions.\n"
    assert delegates.find_replacements(split_lines(own)) == [Replaced("TfLiteHexagonDelegate", 136, 139, 2)]
    both = own + "VERBOSE: Replacing 136 node(s) with delegate (TfLiteHexagonDelegate) node, yielding 5 partitions."
    assert delegates.find_replacements(split_lines(both)) == [Replaced("TfLiteHexagonDelegate", 136, None, 5)]
    core_ml = "CoreML delegate: 75 nodes delegated out of 77 nodes, with 2 partitions.\n"
    assert delegates.find_replacements(split_lines(core_ml)) == [Replaced("CoreML", 75, 77, 2)]


@pytest.mark.parametrize(
    ("text", "parameters", "flags", "requested"),
    [
        ("", {"Use nnapi": "1", "Use gpu": "0"}, {}, ("nnapi",)),
        ("", {"Use legacy nnapi": "1"}, {}, ("nnapi",)),
        ("", {"Use Hexagon": "1"}, {}, ("dsp",)),
        ("", {"Use CoreML": "1"}, {}, ("coreml",)),
        ("", {"External delegate path": "/lib/libvx_delegate.so"}, {}, ("external",)),
        ("", {"External delegate path": "", "Use xnnpack": "1"}, {}, ()),
        ("", {"Delegate settings file path": "/x.json"}, {}, ("stable",)),
        ("", {}, {"use_npu": "true", "use_gpu": "false"}, ("npu",)),
        ("", {}, {"use_caching_allocator": "true"}, ()),
        ("INFO: Created TensorFlow Lite delegate for GPU.", {}, {}, ("gpu",)),
        ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.", {}, {}, ()),
        ("INFO: COREML delegate created.\nINFO: Applied NNAPI delegate.", {}, {}, ("coreml", "nnapi")),
        (replacing(31, 31, name="Vx Delegate"), {}, {}, ("external",)),
        (replacing(31, 31, name="Vx Delegate"), {"Use NNAPI": "1"}, {}, ("nnapi",)),
        ("Could not create Hexagon delegate: platform may not support delegate", {}, {}, ("dsp",)),
    ],
)
def test_the_requested_delegates_are_read(text, parameters, flags, requested):
    assert delegates.requested_delegates(split_lines(text), parameters, flags) == requested


def test_only_delegates_of_the_cpu_prove_that_it_ran():
    assert delegates.cpu_ran(split_lines(replacing(31, 31, name="TfLiteXNNPackDelegate")))
    assert not delegates.cpu_ran(split_lines("INFO: Created TensorFlow Lite XNNPACK delegate for CPU."))
    assert not delegates.cpu_ran(
        split_lines(replacing(11, 31, name="TfLiteXNNPackDelegate") + "\n" + replacing(20, 31))
    )


@pytest.mark.parametrize(
    ("applied", "name", "expected"),
    [
        ("whole", None, "nnapi"),
        ("partly", "qti-dsp", "nnapi"),
        ("some", None, "nnapi"),
        ("none", None, "cpu"),
        ("whole", "nnapi-reference", "cpu"),
        ("refused", None, None),
        ("unknown", None, None),
    ],
)
def test_the_accelerator_that_ran_is_read(applied, name, expected):
    assert Delegation(applied).accelerator("nnapi", name) == expected


def test_accelerators_are_bounded():
    text = "INFO: NNAPI accelerators available: [a, b,," + "c" * 5000 + "]"
    names = delegates.accelerators(split_lines(text))
    assert names[:2] == ("a", "b") and len(names[2]) == 200
    assert delegates.accelerators(split_lines("nothing")) == ()
