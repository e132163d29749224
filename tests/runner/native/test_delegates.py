"""Which accelerator ran, in all wordings."""

from __future__ import annotations

import pytest

from runner.native import delegates
from runner.native.delegates import Delegation, Replaced
from runner.native.text import lines

NNAPI = "TfLiteNnapiDelegate"


@pytest.mark.parametrize(
    ("ending", "of"),
    [
        (".", None),
        (" out of 31", 31),
    ],
)
@pytest.mark.parametrize("where", [".", " for the whole graph.", " for subgraph 0.", " for subgraph 2 (a (b) c)."])
def test_the_four_wordings_of_replacing(ending, of, where):
    text = (
        f"VERBOSE: Replacing 20{ending.rstrip('.')} node(s) with delegate ({NNAPI}) node, yielding 7 partitions{where}"
    )
    assert delegates.replaced(lines(text)) == [Replaced(NNAPI, 20, of, 7)]


def test_a_line_in_the_log_of_android_is_read_too():
    said = f"Replacing 3 node(s) with delegate ({NNAPI}) node, yielding 2 partitions."
    text = f"11-23 05:00:00.123  77  77 I tflite  : {said}"
    assert delegates.replaced(lines(text)) == [Replaced(NNAPI, 3, None, 2)]


def replacing(nodes, of, partitions=1, name=NNAPI):
    return (
        f"VERBOSE: Replacing {nodes} out of {of} node(s) with delegate ({name}) node, yielding {partitions} partitions."
    )


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
            Delegation("partly", 20, 31, 7, 3),
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
        (replacing(31, 31), Delegation("whole", 31, 31, 1)),
        (replacing(30, 31, 2), Delegation("partly", 30, 31, 2)),
        (f"Replacing 5 node(s) with delegate ({NNAPI}) node, yielding 3 partitions.", Delegation("some", 5, None, 3)),
        (replacing(10, 31, 3) + "\n" + replacing(4, 4), Delegation("partly", 14, 35, 4)),
        (replacing(31, 31, name="TfLiteXNNPackDelegate"), Delegation("none", 0)),
        (
            "Applied XNNPACK delegate, and the model graph will be completely executed w/ the delegate.",
            Delegation("unknown"),
        ),
    ],
)
def test_what_became_of_nnapi(text, expected):
    assert delegates.delegation(lines(text), "nnapi") == expected


def test_other_delegates_are_told_apart():
    text = (
        "INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate "
        "w/ 2 delegate kernels.\n" + replacing(40, 64, 5, "TfLiteGpuDelegateV2")
    )
    assert delegates.delegation(lines(text), "gpu") == Delegation("partly", 40, 64, 5, 2)
    assert delegates.delegation(lines(text), "nnapi") == Delegation("none", 0)


@pytest.mark.parametrize(
    ("applied", "name", "ran"),
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
def test_what_ran(applied, name, ran):
    assert Delegation(applied).accelerator("nnapi", name) == ran


def test_accelerators_are_bounded():
    text = "INFO: NNAPI accelerators available: [a, b,," + "c" * 5000 + "]"
    names = delegates.accelerators(lines(text))
    assert names[:2] == ("a", "b") and len(names[2]) == 200
    assert delegates.accelerators(lines("nothing")) == ()
