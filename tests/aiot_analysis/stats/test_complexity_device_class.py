import pandas as pd
import pytest

from aiot_analysis.stats import complexity
from aiot_analysis.tables import paper


def class_of(**facts):
    row = {"device_id": "one", "os": None, "abi": None, "soc": None, **facts}
    return complexity.device_classes(pd.DataFrame([row]))["device_class"].iloc[0]


@pytest.mark.parametrize(
    "soc, maker",
    [
        ("Snapdragon 855+", "Qualcomm"),
        ("SM8150", "Qualcomm"),
        ("Kirin 990", "HiSilicon"),
        ("Exynos 990", "Samsung"),
        ("s5e9925", "Samsung"),
        ("MediaTek Helio P90", "MediaTek"),
        ("MT6785", "MediaTek"),
        ("Tensor G2", "Google"),
        ("something new", "other SoC"),
        (None, "other SoC"),
    ],
)
def test_phones_are_distinguished_by_the_maker_of_their_chip(soc, maker):
    assert class_of(os="Android", abi="arm64-v8a", soc=soc) == f"phone, {maker}"


@pytest.mark.parametrize(
    "abi, kind",
    [("aarch64", "Arm computer"), ("armv7l", "Arm computer"), ("x86_64", "x86 computer"), (None, "unknown")],
)
def test_other_devices_are_distinguished_by_their_instructions(abi, kind):
    assert class_of(os="Debian GNU/Linux", abi=abi, soc="Exynos 5422") == kind


def test_every_phone_of_table_iii_has_a_maker():
    phones = paper.devices()
    frame = phones.assign(device_id=phones["paper_id"].astype(str), os="Android", abi="armeabi-v7a")
    counts = complexity.device_classes(frame)["device_class"].value_counts().to_dict()
    assert counts == {
        "phone, Qualcomm": 26,
        "phone, HiSilicon": 20,
        "phone, MediaTek": 4,
        "phone, Samsung": 1,
    }


PHONES = "Phones (Android devices) are grouped by the maker of their system on a chip"


@pytest.mark.parametrize(
    "classes, rule",
    [
        (["phone, Samsung"], ""),
        (
            ["phone, Samsung", "phone, Qualcomm", "phone, Qualcomm"],
            f"{PHONES}.",
        ),
        (
            ["phone, Samsung", "Arm computer"],
            f"{PHONES}, boards and computers by their instruction set.",
        ),
        (["x86 computer", "Arm computer"], "Devices are grouped by their instruction set."),
    ],
)
def test_the_rule_of_the_classes_names_only_kinds_of_devices_that_there_are(classes, rule):
    assert complexity.class_rule(pd.DataFrame({"device_class": classes})) == rule
