"""What readers are told of what the data can show."""

import numpy as np
import pandas as pd

from aiot_analysis.display import resolution_text as tell
from aiot_analysis.stats import noise, resolution


def resolved(**sizes):
    """The frame of `resolution` of devices; `sizes` are what each resolves: accuracy and time."""
    rows = [
        (device, metric, comparison, 500, 1, size, size / 2, 23, 1.5 * size)
        for device, pair in sizes.items()
        for metric, comparison, size in (
            ("accuracy", resolution.SAME_IMAGES, pair[0]),
            ("accuracy", resolution.OTHER_IMAGES, 0.2),
            ("time", resolution.SAME_SESSION, pair[1]),
            ("time", resolution.APART, 0.3),
        )
    ]
    return pd.DataFrame(rows, columns=resolution.COLUMNS)


MEASURED = pd.DataFrame({"assumed": [""]})


def test_the_sentence_of_one_device():
    assert tell.sentence(resolved(a=(0.042, 0.06)), MEASURED) == (
        "With these data, differences in accuracy under 4.2 points and in time under 6.0% cannot be distinguished "
        "from noise. A single test at the 5% level finds larger ones in at least 80% of cases (two instances of a "
        "device). If tests are corrected for the number of tests on a page, differences in accuracy under 6.3 points "
        "and in time under 9.0% cannot be distinguished."
    )


def test_the_sentence_of_several_devices_is_of_the_median():
    text = tell.sentence(resolved(a=(0.01, 0.5), b=(0.02, 0.08), c=(0.09, 0.06)), MEASURED)
    assert "in accuracy under 2.0 points and in time under 8.0% cannot" in text
    assert "two instances of a device, on the median of 3 devices)" in text


def test_what_is_assumed_is_reported():
    measured = pd.DataFrame({"assumed": ["", "a scatter", "a scatter"]})
    text = tell.sentence(resolved(a=(0.042, 0.06)), measured)
    assert text.endswith("9.0% cannot be distinguished. Assumed on 2 devices, because it was not measured: a scatter.")


def test_an_instance_by_itself_is_compared_with_other_devices():
    rows = resolved(a=(0.042, 0.06)).replace({resolution.SAME_IMAGES: resolution.DEVICES, resolution.SAME_SESSION: "-"})
    text = tell.sentence(rows[rows["comparison"] != "-"], MEASURED)
    assert "in accuracy under 4.2 points and in time under 30.0%" in text
    assert "cases (two devices or versions). If" in text


def test_a_few_images_give_no_precise_number():
    assert tell.size("time", 42.0) == "over 1,000%"
    assert "and in time even over 1,000% cannot be distinguished" in tell.sentence(resolved(a=(0.3, 42.0)), MEASURED)
    assert tell.size("accuracy", np.nan) == "none"


def test_too_few_images_and_no_data_are_reported():
    text = tell.sentence(resolved(a=(np.nan, 0.06)).assign(images=5), MEASURED)
    assert "differences in accuracy of any size (too few images: 5) and in time under 6.0% cannot" in text
    assert "There are no usable instances" in tell.sentence(resolution.resolution(pd.DataFrame()), MEASURED)


def test_the_summary_has_the_median_and_names_the_worst():
    head, first, *_ = tell.summary(resolved(a=(0.01, 0.5), b=(0.02, 0.08), c=(0.09, 0.06)))
    assert first[:4] == ["accuracy, two instances, same images", "500", "1", "2.0 points"]
    assert (head[-1], first[-1]) == ("worst device", "9.0 points, corrected 13.5 points (c)")
    assert tell.summary(resolved(a=(0.01, 0.5)))[0][-1] == "smallest, corrected"


def takes(metric, images, runs, sessions):
    return tell.describe_requirement(
        {"metric": metric, "images": images, "runs": runs, "sessions": sessions, "images_there": 500}
    )


def test_what_a_difference_takes_in_words():
    assert takes("time", 1240, 3, 3) == "1,240 images (3 runs of 500 in one session), or 3 sessions of 500 images"
    assert takes("time", 120, 1, 1) == "120 images"
    assert takes("time", pd.NA, pd.NA, 7) == "7 sessions of 500 images; more images do not help"
    assert takes("vips", pd.NA, pd.NA, pd.NA) == "not with 50,000 images, nor in 100 sessions"
    assert takes("accuracy", 1548, 4, pd.NA) == "1,548 images"
    assert takes("accuracy", pd.NA, pd.NA, pd.NA) == "not with 50,000 images"


def test_the_median_and_the_worst_of_several_devices_are_listed():
    scatter = {"a": 0.1, "b": 9.0, "c": 1.0}
    measured = pd.concat([noise.default().assign(device_id=name, within=w) for name, w in scatter.items()])
    wanted = resolution.needed(measured, {"time": 0.2})
    rows = tell.requirements(wanted, resolution.resolution(measured))
    assert [row[1] for row in rows] == ["device", "median: c", "worst: b", "median: c", "worst: b"]
    assert rows[1][0] == "time 20%, two instances of a device" and rows[1][3].endswith("(23 tests)")
