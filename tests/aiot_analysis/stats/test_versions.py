import numpy as np
import pandas as pd

from aiot_analysis.stats import agreement, pairing
from tests.aiot_analysis.conftest import images, instance, instances

F32, INT8, TORCH = (
    f"{version}_mnasnet" for version in ("tflite_cpu_float32", "tflite_cpu_int8", "pytorch_cpu_float32")
)


def records(*parts):
    """Return image records from parts like (instance id, device, top1 of each image); the true class is 0."""
    frames = [
        images(id_, [c == 0 for c in top1], [10.0] * len(top1), device_id=device, top1=top1)
        for id_, device, top1 in parts
    ]
    frame = pd.concat(frames, ignore_index=True)
    return frame.astype(dict.fromkeys(["run_id", "device_id", "instance_id", "image"], "category"))


def test_devices_are_compared_unless_another_part_is_named():
    rows = instances(instance(F32, device_id="a"), instance(F32, device_id="b"))
    shown = records((F32, "a", [0, 1]), (F32, "b", [0, 2]))
    for collected, _ in (pairing.collect(rows, shown), pairing.collect(rows, shown, "device_id")):
        [ours] = collected
        assert (ours.instance_id, ours.devices) == (F32, ["a", "b"])
        assert np.array_equal(ours.top1, [[0, 0], [1, 2]])


def test_quantizations_of_a_device_stand_in_the_place_of_devices():
    rows = instances(*(instance(one, device_id=device) for one in (F32, INT8, TORCH) for device in ("a", "b")))
    tops = {(F32, "a"): [0, 0, 3], (INT8, "a"): [0, 1, 3], (F32, "b"): [0, 0, 0], (INT8, "b"): [0, 0, 0]}
    tops |= {(TORCH, device): [0, 0, 0] for device in ("a", "b")}
    result, apart = pairing.collect(rows, records(*((*key, top) for key, top in tops.items())), "quantization")
    by_id = {one.instance_id: one for one in result}
    assert set(by_id) == {f"{one}@{d}" for one in ("tflite_cpu_*_mnasnet", "pytorch_cpu_*_mnasnet") for d in "ab"}
    one = by_id["tflite_cpu_*_mnasnet@a"]
    assert one.devices == ["float32", "int8"]
    assert one.top1.tolist() == [[0, 0], [0, 1], [3, 3]]
    assert one.correct.tolist() == [[True, True], [True, False], [False, False]]
    assert by_id["pytorch_cpu_*_mnasnet@b"].devices == ["float32"]
    assert apart.empty
    flipping = agreement.by_image(agreement.image_classes(result))
    assert flipping[["image", "unstable", "instances"]].values.tolist() == [["image-0001", 1, 2]]


def test_frameworks_are_compared_in_the_same_quantization_and_with_the_same_weights():
    rows = instances(instance(F32), instance(INT8), instance(TORCH))
    shown = records((F32, "local", [0, 4]), (INT8, "local", [1, 1]), (TORCH, "local", [0, 5]))
    result, _ = pairing.collect(rows, shown, "framework")
    by_id = {one.instance_id: one for one in result}
    assert by_id["*_cpu_float32_mnasnet@local"].top1.tolist() == [[0, 0], [4, 5]]
    assert sorted(by_id["*_cpu_float32_mnasnet@local"].devices) == ["pytorch", "tflite"]
    different = instances(instance(F32), instance(TORCH, weights="others"))
    _, apart = pairing.collect(different, shown, "framework")
    assert apart["reason"].tolist() == ["weights others, but on the others sample"]
