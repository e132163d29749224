"""The kind of each device, determined by rule from the table `devices`."""

from __future__ import annotations

import re

import pandas as pd

SOC_MAKERS = {
    "Qualcomm": r"snapdragon|qualcomm|^(sm|sdm|msm|apq)[ -]?\d{3}",
    "HiSilicon": r"kirin|hisilicon|^hi3\d{3}",
    "Samsung": r"exynos|^s5e\d{4}",
    "MediaTek": r"mediatek|helio|dimensity|^mt\d{4}",
    "Google": r"tensor|^gs\d{3}|^zuma",
    "Unisoc": r"unisoc|spreadtrum|^(ums|sc)\d{4}",
}
"""Case-insensitive patterns in the name of a system on a chip: the names of Table III, and the model numbers that
Android reports instead as ro.soc.model (SM8150, MT6785).
"""
RULE = (
    "Phones are Android devices, classified by the maker of their system on a chip; other devices are Arm boards and "
    "computers or x86 computers, by their instruction set."
)


def device_classes(devices: pd.DataFrame) -> pd.DataFrame:
    """Return the class of each device of the table `devices` by RULE: columns device_id and device_class.

    A class is like "phone, Qualcomm", "phone, other SoC", "Arm computer" or "x86 computer"; "unknown" if neither the
    operating system nor the instruction set is known.
    """
    facts = devices[["device_id", "os", "abi", "soc"]].astype("object")
    facts = facts.where(facts.notna(), "").astype(str)
    class_names = [
        _class(os, abi, soc) for os, abi, soc in facts[["os", "abi", "soc"]].itertuples(index=False, name=None)
    ]
    return pd.DataFrame({"device_id": facts["device_id"], "device_class": class_names})


def _class(os: str, abi: str, soc: str) -> str:
    """Return the class of a device from its operating system, instruction set and system on a chip."""
    if "android" in os.lower():
        makers = (maker for maker, pattern in SOC_MAKERS.items() if re.search(pattern, soc.strip(), re.IGNORECASE))
        return f"phone, {next(makers, 'other SoC')}"
    if re.match(r"arm|aarch64", abi, re.IGNORECASE):
        return "Arm computer"
    return "x86 computer" if re.match(r"x86|amd64|i[3-6]86", abi, re.IGNORECASE) else "unknown"
