import pytest

from aiot_analysis.tables import names


@pytest.mark.parametrize(
    ("soc", "vendor"),
    [
        ("Snapdragon 855+", "Qualcomm"),
        ("Qualcomm QCS9075", "Qualcomm"),
        ("Kirin 990", "HiSilicon"),
        ("MediaTek Helio P90", "MediaTek"),
        ("Dimensity 9300", "MediaTek"),
        ("Exynos 990", "Samsung"),
        ("AMD EPYC", "AMD"),
        ("Quantum 1", "other"),
        ("", "other"),
        (None, "other"),
        (float("nan"), "other"),
    ],
)
def test_the_vendor_of_a_soc_is_known_by_its_name(soc, vendor):
    assert names.soc_vendor(soc) == vendor
