"""Tests that the parameter file states the source of every value, and that its consequences match the remarks."""

import math

import pytest

from aiot_analysis.simulate import Options, assumptions, draw
from aiot_analysis.tables import names, paper

TIMES = assumptions.times()
MS = TIMES.set_index(["soc", "instance_id"])["ms"]
HEAVY, LIGHT = names.MODELS[:3], names.MODELS[4:]


def ms(soc, framework, model, delegate="cpu", quantization="float32"):
    return MS[soc, f"{framework}_{delegate}_{quantization}_{model}"]


def test_every_chip_of_table_iii_has_a_time_for_every_instance():
    assert len(assumptions.socs()) == 19
    assert set(assumptions.socs()) == set(paper.devices()["soc"])
    assert len(TIMES) == 19 * 60
    assert not TIMES.duplicated(["soc", "instance_id"]).any()
    assert (TIMES["ms"] > 0).all()


def test_a_published_time_stands_as_it_is_and_names_its_source():
    published = TIMES[TIMES["basis"] == "reference"]
    assert len(published) == len(assumptions.file()["anchors"]["rows"]) == 14
    assert set(published["soc"]) == {"Snapdragon 845", "Snapdragon 855"}
    assert (published["source"] != "").all()
    assert (published["rule"] == "").all()
    assert ms("Snapdragon 845", "tflite", "densenet121", "nnapi") == 1656
    assert ms("Snapdragon 855", "tflite", "squeezenet") == 23.9


def test_what_was_not_published_is_marked_as_assumed_and_names_a_rule_that_says_why():
    assumed = TIMES[TIMES["basis"] != "reference"]
    assert set(assumed["basis"]) == {"assumed"}
    rules = assumptions.file()["rules"]
    assert set(assumed["rule"]) | {"clock"} == set(rules), "a rule that is not used, or a use of no rule"
    assert all(rule["why"].endswith(".") for rule in rules.values())


def test_accuracies_are_published_or_name_their_rule():
    table = assumptions.accuracies()
    assert len(table) == 36
    assert ((table["basis"] == "reference") == (table["rule"] == "")).all()
    assert set(table["rule"]) - {""} == set(assumptions.file()["accuracy"]["rules"])
    assert (table.loc[table["basis"] == "reference", "source"] != "").all()
    cell = table.set_index(["framework", "quantization", "model"]).loc[("pytorch", "float32", "squeezenet")]
    assert (cell["accuracy"], cell["basis"]) == (0.581, "reference")


def test_speeds_are_means_of_published_ratios_or_follow_the_clock():
    speed = assumptions.cpu_speed
    expected = math.prod([25.79 / 46.19, 188.07 / 377.67, 17.44 / 32.89, 20.54 / 39.22]) ** (1 / 4)
    assert speed("Snapdragon 855").value == pytest.approx(expected)
    assert speed("Snapdragon 855+").value == pytest.approx(expected * 2.84 / 2.96)
    assert (speed("Snapdragon 855").basis, speed("Snapdragon 855+").basis) == ("reference", "assumed")
    assert speed("Snapdragon 845").value == 1


def test_named_sources_and_listed_sources_are_the_same():
    file = assumptions.file()
    named = {row["source"] for kind in ("speeds", "anchors") for row in file[kind]["rows"]}
    named |= {
        cell["source"]
        for kind, files in file["accuracy"].items()
        if kind != "rules"
        for cell in files.values()
        if "source" in cell
    }
    text = " ".join(rule["why"] for rule in file["rules"].values()) + "paddle_nnapi"  # in a comment
    assert set(file["sources"]) == named | {key for key in file["sources"] if key in text}


def test_variances_of_an_images_standing_add_up_to_one():
    images = assumptions.file()["images"]
    assert images["difficulty"] + images["model"] + images["file"] == pytest.approx(1)


def test_shares_are_counted_from_the_tables():
    shares = assumptions.shares().set_index("of")
    assert shares["total"].tolist() == [19, 1140, 2124, 36]
    phones = shares.loc["times, phone x instance"]
    # three phones with a Snapdragon 845, one of them among the 25, and eight with an 855
    assert phones["reference"] == 3 * 10 + 2 + 8 * 2
    assert phones["assumed_share"] == pytest.approx(1 - 48 / 2124)
    assert assumptions.file()["quantized"]["phones"] == Options().quantized_on


@pytest.mark.parametrize("soc", assumptions.socs())
def test_remark_2_by_chip(soc):
    for model in HEAVY:
        others = ms(soc, "tflite", model), ms(soc, "caffe2", model)
        if model == "resnet50" and soc in assumptions.file()["rules"]["framework_exception"]["socs"]:
            assert ms(soc, "caffe2", model) < ms(soc, "pytorch", model) < ms(soc, "tflite", model)
        else:
            assert ms(soc, "pytorch", model) < min(others)
    squeezenet = [ms(soc, framework, "squeezenet") for framework in ("pytorch", "caffe2", "tflite")]
    assert squeezenet == sorted(squeezenet)
    assert squeezenet[2] / squeezenet[0] < 1.2
    for model in LIGHT:
        assert ms(soc, "tflite", model) < ms(soc, "caffe2", model) < ms(soc, "pytorch", model)


@pytest.mark.parametrize("soc", assumptions.socs())
def test_remark_4_by_chip(soc):
    tflite = {model: ms(soc, "tflite", model) for model in names.MODELS}
    assert sorted(tflite, key=lambda model: -tflite[model])[:4] == [
        "inception_v3",
        "resnet50",
        "densenet121",
        "squeezenet",
    ]
    for framework in ("pytorch", "caffe2"):
        assert min(names.MODELS, key=lambda model: ms(soc, framework, model)) == "squeezenet"
    assert ms(soc, "pytorch", "mobilenet_v2") > 0.5 * ms(soc, "pytorch", "resnet50")
    slowest = max(names.MODELS, key=lambda model: ms(soc, "tflite", model, "nnapi"))
    assert slowest == "densenet121"


@pytest.mark.parametrize("soc", assumptions.socs())
def test_remark_5_by_chip(soc):
    for model in names.MODELS:
        times = {
            delegate: {
                quantization: ms(soc, "tflite", model, delegate, quantization) for quantization in names.QUANTIZATIONS
            }
            for delegate in names.DELEGATES
        }
        cpu, nnapi = times["cpu"], times["nnapi"]
        assert min(cpu, key=cpu.get) == "int8"
        assert (cpu["dynamic"] < cpu["float32"]) == (model not in LIGHT)
        assert cpu["float16"] < cpu["float32"]
        helps = model == "densenet121"
        assert (nnapi["dynamic"] < nnapi["float32"]) == (nnapi["int8"] < nnapi["float32"]) == helps
        assert nnapi["dynamic"] < min(nnapi["int8"], nnapi["float16"])


def test_remark_3_over_the_phones():
    faster = {
        model: sum(
            ms(phone.soc, "tflite", model, "nnapi") < ms(phone.soc, "tflite", model)
            for phone in assumptions.paper_phones()
        )
        for model in names.MODELS
    }
    assert faster["resnet50"] == faster["inception_v3"] == faster["squeezenet"] == 51
    assert 0 < faster["densenet121"] < 10
    assert 25 < faster["mobilenet_v2"] < 51


def test_scores_before_scaling_rank_by_the_chips_and_are_held_under_rank_10():
    assert draw.expected("Snapdragon 865") > draw.expected("Snapdragon 855") > draw.expected("Kirin 710")
    # the nine of Table IV whose chip and score go together
    factors = [
        draw.expected(phone.soc) / phone.vips
        for phone in assumptions.paper_phones()
        if phone.vips and phone.name != "Meizu 16Xs"
    ]
    assert draw.common_scale() == pytest.approx(math.prod(factors) ** (1 / 9))
    limited = [draw.limit_score(value) for value in (1, 50, 100, 120, 130, 200, 1000)]
    assert limited == sorted(limited)
    assert limited[-1] <= draw.ceiling() < 129.46
    assert limited[:2] == pytest.approx([1, 50], rel=1e-3), "slow phones keep their score"
