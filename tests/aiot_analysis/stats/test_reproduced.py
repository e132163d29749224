import pandas as pd
import pytest

from aiot_analysis.stats import reproduced
from aiot_analysis.stats.remarks.claim import BUILT
from aiot_analysis.stats.reproduced import AGREES, DIFFERS, INCOMPARABLE, NONE
from aiot_analysis.tables import names, paper, select, storage
from tests.aiot_analysis.conftest import device, instance, instances
from tests.aiot_analysis.networks import residual

NOTHING = {name: storage.table(name, []) for name in ("nodes", "passes")}
IMAGES = pd.DataFrame({"image": [f"{n}" for n in range(500)], "label": [n // 5 for n in range(500)]})


def phones(numbers, **other):
    listed = paper.devices().set_index("paper_id")
    rows = [
        device(f"phone-{n:02}", n, soc=listed.loc[n, "soc"], ram_gb=listed.loc[n, "ram_gb"] * 0.93,
               os_version=f"{listed.loc[n, 'android']}", **other)
        for n in numbers
    ]  # fmt: skip
    return storage.table("devices", rows)


def measured(numbers, suite=(*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED), time_ms=100.0, **other):
    settings = {"weights": "torchvision", "dataset": "imagenet", **other}
    rows = [instance(id_, 0.75, time_ms, device_id=f"phone-{n:02}", **settings) for n in numbers for id_ in suite]
    return instances(*rows)


def cells(result, what, *columns):
    return result.loc[what, list(columns)].tolist()


def against(devices, rows, images=IMAGES, **options):
    result = reproduced.against_paper(devices, rows, images, **(NOTHING | options))
    assert result.columns.tolist() == reproduced.COLUMNS
    return result.set_index("what")


def test_the_counts_of_the_paper_agree_where_they_are_reached():
    result = against(phones(range(1, 52)), measured(range(1, 52)))
    counts = paper.counts().set_index("count")["what"]
    for name in counts.index.drop(["quantized_devices", "repetitions", "network_classes"]):
        if not name.startswith("input"):
            assert result.loc[counts[name], "verdict"] == AGREES, name
    assert cells(result, counts["quantized_devices"], "ours", "verdict") == ["51", DIFFERS]
    assert result.loc[counts["repetitions"], "verdict"] == INCOMPARABLE
    assert "aiot operators" in result.loc[counts["repetitions"], "note"]


def test_a_part_of_the_suite_differs():
    rows = measured([1, 2], suite=names.PAPER_FLOAT32[:6])
    result = against(phones([1, 2]), rows, IMAGES.head(100))
    assert cells(result, "instances in float32 on each phone", "printed", "ours", "verdict") == [
        "24",
        "6",
        DIFFERS,
    ]
    assert cells(result, "phones that were measured", "ours", "verdict") == ["2", DIFFERS]
    assert result.loc["quantized instances on each phone", "verdict"] == INCOMPARABLE
    assert result.loc["phones that ran the quantized models", "ours"] == "0"


def test_table_ii_is_compared_within_its_tolerance():
    nodes = residual()  # 16.5 million multiply-accumulates, 79,348 parameters, 8 layers on the longest way
    result = against(phones([1]), measured([1]), nodes=nodes)
    flops = "ResNet50, FLOPs (multiply-accumulates), millions"
    assert cells(result, flops, "printed", "ours", "tolerance", "verdict") == ["3800", "16", "5%", DIFFERS]
    assert "-99.6%" in result.loc[flops, "note"]
    assert cells(result, "ResNet50, layers", "ours", "verdict") == ["8", DIFFERS]
    assert "does not say how it counts" in result.loc["ResNet50, layers", "note"]
    near = against(phones([1]), measured([1]), nodes=nodes.assign(macs=nodes["macs"] * 235))  # 3877.5
    assert cells(near, flops, "ours", "verdict") == ["3878", AGREES]
    assert result.loc["SqueezeNet, layers", "verdict"] == INCOMPARABLE
    assert cells(result, "input of the models but InceptionV3, pixels to a side", "ours", "verdict") == ["4", DIFFERS]


def test_accuracy_is_compared_on_imagenet_alone():
    result = against(phones([1]), measured([1]))
    # 75% of 500 images: 71.0 to 78.6
    assert cells(result, "ResNet50, reference accuracy, percent", "ours", "verdict") == ["75.0", AGREES]
    assert result.loc["SqueezeNet, reference accuracy, percent", "verdict"] == DIFFERS
    sample = against(phones([1]), measured([1], weights="sample", dataset="sample"))
    line = sample.loc["ResNet50, reference accuracy, percent"]
    assert line["verdict"] == INCOMPARABLE
    assert line["note"] == "ours is of sample weights on sample images, the paper's of ImageNet's"


def test_table_iii_is_compared_by_phone():
    devices = phones([1, 2, 3])
    devices.loc[1, "os_version"] = "12.1"
    devices.loc[2, "ram_gb"] = 6.0
    result = against(devices, measured([1, 2, 3]))
    assert cells(result, "phones of the table", "printed", "ours", "verdict") == ["51", "3 of 51", DIFFERS]
    assert cells(result, "RAM of the phones, GB", "ours", "verdict", "note") == [
        "2 of 3",
        DIFFERS,
        "other on phone 3",
    ]
    assert result.loc["Android version of the phones", "note"] == "other on phone 2"
    assert result.loc["SoC of the phones", "verdict"] == AGREES
    none = against(storage.table("devices", [device()]), measured([1]).assign(device_id="local"))
    assert none.loc["SoC of the phones", "verdict"] == INCOMPARABLE


def test_table_iv_is_compared_where_the_phone_has_all_24_instances():
    # 24 instances of 0.75 in t ms each: VIPS = 24 * 0.75 / t * 1000
    near, far = 24 * 0.75 / 170 * 1000, 24 * 0.75 / 100 * 1000
    rows = pd.concat(
        [measured([3], time_ms=near), measured([10], time_ms=far), measured([2], names.PAPER_FLOAT32[:23])]
    )
    result = against(phones([2, 3, 10]), rows)
    assert cells(result, "VIPS of rank 1, Samsung Galaxy S20", "printed", "ours", "verdict") == [
        "172.56",
        "170.00",
        AGREES,
    ]
    assert cells(result, "VIPS of rank 2, Oppo Ace2", "ours", "verdict") == ["100.00", DIFFERS]
    assert result.loc["VIPS of rank 3, Samsung Galaxy S10+", "verdict"] == INCOMPARABLE
    sample = against(phones([3]), measured([3], time_ms=near, weights="sample"))
    assert sample.loc["VIPS of rank 1, Samsung Galaxy S20", "verdict"] == INCOMPARABLE


def test_values_set_by_the_simulation_agree_by_construction():
    devices, rows = phones(range(1, 52), origin="simulated"), measured(range(1, 52), origin="simulated")
    result = against(devices, rows)
    assert ((result["mark"] == BUILT) == result["verdict"].isin([AGREES, DIFFERS])).all()
    assert result.loc["phones that were measured", "mark"] == BUILT
    assert result.loc["ResNet50, reference accuracy, percent", "mark"] == BUILT


def test_figures_without_printed_numbers_are_marked():
    result = against(phones([1]), measured([1]))
    without = result[result["verdict"] == NONE]
    assert without["where"].tolist() == [f"Figure {n}" for n in (1, 2, 4, 5, 6, 7, 8, 9)]
    assert (without[["printed", "ours"]] == "").all(axis=None)
    assert without["note"].str.contains("nothing to compare with; ours is on page 0").all()


@pytest.mark.parametrize("rows", [measured([1]).iloc[:0], measured([1]).assign(verdict="invalid")])
def test_nothing_measured_compares_nothing(rows):
    usable, _ = select.measured_rows(rows)
    result = against(phones([1]), usable, IMAGES.iloc[:0])
    assert result.loc["phones that were measured", "ours"] == "0"
    assert result.loc["images of each instance", "verdict"] == INCOMPARABLE
    assert len(result) == len(against(phones([1]), measured([1])))
