from dataclasses import replace

import pytest

from aiot_analysis.explore import views
from aiot_analysis.tables import names


@pytest.fixture(scope="module")
def known(measured):
    return views.known(measured)


def test_all_values_can_be_chosen_in_the_order_of_the_paper(known):
    every = known.everything
    assert every.devices == ("local",)
    assert list(every.models) == names.MODELS
    assert every.frameworks == ("tflite", "pytorch", "caffe2")
    assert every.delegates == ("cpu", "nnapi")
    assert list(every.quantizations) == names.QUANTIZATIONS
    assert every.timing == "end_to_end"


def test_every_value_has_a_name_for_readers(known):
    assert known.labels("frameworks")["tflite"] == "TFLite"
    assert known.labels("models")["mobilenet_v2"] == "MobileNetV2"
    assert known.labels("quantizations")["int8"] == "INT8"
    assert known.labels("devices") == {"local": "Example Local"}


def test_the_rows_of_a_selection_have_all_that_is_chosen_and_nothing_else(known):
    assert len(known.everything.of(known.rows)) == 5
    chosen = replace(known.everything, frameworks=("tflite",), quantizations=("int8", "float32"))
    ids = ["tflite_cpu_int8_mobilenet_v2", "tflite_cpu_float32_mobilenet_v2"]
    assert sorted(chosen.of(known.rows)["instance_id"]) == sorted(ids)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "5 instances with numbers on 1 device; 55 of your choices have none."),
        (
            {"models": ("mobilenet_v2",), "delegates": ("cpu",), "frameworks": ("pytorch",)},
            "1 instance with numbers on 1 device.",
        ),
        ({"models": ()}, "Nothing is chosen of models: choose one or more."),
        ({"models": (), "delegates": ()}, "Nothing is chosen of models and delegates: choose one or more."),
        ({"frameworks": ("caffe2",), "delegates": ("nnapi",)}, "No device was set to run what you chose"),
        ({"delegates": ("nnapi",)}, "Nothing you chose has numbers: NNAPI is part of Android"),
    ],
)
def test_a_sentence_describes_the_choice(known, change, said):
    assert views.rows_sentence(replace(known.everything, **change), known).startswith(said)


def test_a_fleet_is_in_the_order_of_table_iii(fleet):
    every = views.known(fleet).everything
    assert [device[:6] for device in every.devices] == [f"sim-{number:02}" for number in range(1, 9)]
