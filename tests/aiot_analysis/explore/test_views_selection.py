from dataclasses import replace

import pytest

from aiot_analysis.explore import views
from aiot_analysis.tables import names


@pytest.fixture(scope="module")
def selection_data(measured):
    return views.known(measured)


def test_all_values_can_be_chosen_in_the_order_of_the_paper(selection_data):
    every = selection_data.everything
    assert every.devices == ("local",)
    assert list(every.models) == names.MODELS
    assert every.frameworks == ("tflite", "pytorch", "caffe2")
    assert every.delegates == ("cpu", "nnapi")
    assert list(every.quantizations) == names.QUANTIZATIONS
    assert every.timing == "end_to_end"


def test_every_value_has_a_name_for_readers(selection_data):
    assert selection_data.labels("frameworks")["tflite"] == "TFLite"
    assert selection_data.labels("models")["mobilenet_v2"] == "MobileNetV2"
    assert selection_data.labels("quantizations")["int8"] == "INT8"
    assert selection_data.labels("devices") == {"local": "Example Local"}


def test_the_rows_of_a_selection_have_all_that_is_chosen_and_nothing_else(selection_data):
    assert len(selection_data.everything.of(selection_data.rows)) == 5
    chosen = replace(selection_data.everything, frameworks=("tflite",), quantizations=("int8", "float32"))
    ids = ["tflite_cpu_int8_mobilenet_v2", "tflite_cpu_float32_mobilenet_v2"]
    assert sorted(chosen.of(selection_data.rows)["instance_id"]) == sorted(ids)


@pytest.mark.parametrize(
    ("change", "sentence"),
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
def test_a_sentence_describes_the_choice(selection_data, change, sentence):
    assert views.rows_sentence(replace(selection_data.everything, **change), selection_data).startswith(sentence)


def test_a_fleet_is_in_the_order_of_table_iii(fleet):
    every = views.known(fleet).everything
    assert [device[:6] for device in every.devices] == [f"sim-{number:02}" for number in range(1, 9)]
