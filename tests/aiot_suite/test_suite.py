import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_suite import catalog, suite
from aiot_suite.errors import SelectionError
from aiot_suite.suite import Instance


def test_the_paper_has_24_and_36_instances():
    float32, quantized = suite.paper_float32(), suite.paper_quantized()
    assert (len(set(float32)), len(set(quantized))) == (24, 36)
    assert {(instance.framework, instance.delegate) for instance in float32} == {
        ("tflite", "cpu"),
        ("tflite", "nnapi"),
        ("pytorch", "cpu"),
        ("caffe2", "cpu"),
    }
    assert {instance.quantization for instance in quantized} == {"dynamic", "int8", "float16"}
    assert {instance.framework for instance in quantized} == {"tflite"}


@pytest.mark.parametrize("instance", suite.paper_float32() + suite.paper_quantized(), ids=lambda instance: instance.id)
def test_an_id_gives_its_instance_back(instance):
    assert Instance.parse(instance.id) == instance


@pytest.mark.parametrize(
    "text",
    ["", "tflite", "tflite_tpu_float32_mnasnet", "tflite_cpu_int4_mnasnet", "../x_cpu_int8_m", "x_cpu_int8_/etc/m"],
)
def test_an_invalid_instance_id_is_named(text):
    with pytest.raises(SelectionError, match="is not an instance id: use <framework>"):
        Instance.parse(text)


@pytest.mark.parametrize("name", ["MobileNetV2", "mobilenet-v2", "MOBILENET_V2", "mobilenet_v2"])
def test_names_are_taken_in_any_case(name):
    assert suite.choose("Model", [name], suite.MODELS) == ["mobilenet_v2"]


@pytest.mark.parametrize("profile", list(suite.PROFILES))
def test_every_profile_is_found_by_its_own_name(profile):
    assert suite.choose("Profile", [profile], list(suite.PROFILES)) == [profile]


def test_names_may_be_given_with_commas_and_keep_the_suites_order():
    assert suite.choose("Model", ["mnasnet,resnet50", "squeezenet"], suite.MODELS) == [
        "resnet50",
        "squeezenet",
        "mnasnet",
    ]


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(SelectionError, match="Framework 'ncnn' is unknown: choose from tflite, pytorch, caffe2"):
        suite.choose("Framework", ["ncnn"], suite.FRAMEWORKS)


def test_an_empty_selection_is_an_error():
    with pytest.raises(SelectionError, match="No instance of the suite paper has"):
        suite.select(frameworks=["pytorch"], quantizations=["int8"])


def test_selecting_nothing_in_particular_selects_all_60():
    assert len(suite.select()) == 60
    assert len(suite.select(models=["squeezenet"], delegates=["cpu"])) == 6


@given(seed=st.integers(min_value=0, max_value=2**32))
def test_the_order_holds_every_instance_and_no_model_twice_in_a_row(seed):
    instances = suite.select()
    order = suite.draw_balanced_order(instances, seed)
    assert sorted(instance.id for instance in order) == sorted(instance.id for instance in instances)
    assert all(a.model != b.model for a, b in itertools.pairwise(order))


def test_the_order_follows_the_seed_only():
    instances = suite.select()
    assert suite.draw_balanced_order(instances, 1) == suite.draw_balanced_order(instances[::-1], 1)
    assert suite.draw_balanced_order(instances, 1) != suite.draw_balanced_order(instances, 2)


@pytest.mark.parametrize("chosen", [{}, {"suite": "float32"}, {"delegates": ["cpu"]}, {"models": ["squeezenet"]}])
def test_no_model_implementation_or_quantization_comes_early_or_late(chosen):
    """Mean places are near the middle: of groups in each order, and of instances over 100 orders.

    In one order the limit is 15% of the run; over 100 orders it is four standard errors of uniform places.
    """
    instances = suite.select(**chosen)
    middle, places = (len(instances) - 1) / 2, {instance.id: [] for instance in instances}
    for seed in range(100):
        groups = {}
        for place, instance in enumerate(suite.draw_balanced_order(instances, seed)):
            places[instance.id].append(place - middle)
            for group in (instance.model, (instance.framework, instance.delegate), instance.quantization):
                groups.setdefault(group, []).append(place - middle)
        means = [abs(sum(of_group) / len(of_group)) for of_group in groups.values() if len(of_group) >= 6]
        assert max(means) <= 0.15 * len(instances)
    # the standard error of the mean of 100 uniform places is len / sqrt(12 * 100)
    assert max(abs(sum(own) / 100) for own in places.values()) <= 4 * len(instances) / 1200**0.5


def test_a_model_with_few_instances_is_spread_over_the_order():
    own = suite.Instance("tflite", "cpu", "float32", "own")
    other = suite.Instance("tflite", "cpu", "int8", "own")
    for seed in range(50):
        order = suite.draw_balanced_order([*suite.select(suite="float32"), own, other], seed)
        first, second = sorted(map(order.index, (own, other)))
        assert first < len(order) / 2 <= second
    assert suite.draw_balanced_order([own], 0) == [own] and suite.draw_balanced_order([], 0) == []


@pytest.mark.parametrize(("name", "count"), [("paper", 60), ("full", 60), ("float32", 24), ("QUANTIZED", 36)])
def test_the_papers_suites(name, count):
    assert len(suite.select(suite=name)) == count


def test_a_suite_is_narrowed_by_names_and_an_empty_one_is_said():
    assert {instance.quantization for instance in suite.select(suite="quantized", quantizations=["int8"])} == {"int8"}
    with pytest.raises(SelectionError, match="No instance of the suite float32 has"):
        suite.select(suite="float32", quantizations=["int8"])
    with pytest.raises(
        SelectionError, match="Suite 'half' is unknown: choose from paper, float32, quantized, today, or name"
    ):
        suite.select(suite="half")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"surprise": 1}, "'surprise' in its profile, which this version does not know"),
        ({"max_images": "x"}, "'x' as max_images in its profile, which is not a number"),
        ({"passes": None}, "None as passes in its profile, which is not a number"),
        ({"warmups": True}, "True as warmups"),
        ({"passes": -1}, "-1 as passes"),
        ({"min_duration_s": float("nan")}, "nan as min_duration_s"),
        ({"name": []}, r"\[\] as name"),
    ],
)
def test_a_profile_that_cannot_be_measured_is_one_sentence(record, words):
    with pytest.raises(SelectionError, match=rf"^run\.json has {words}.*: start a new run, without `--resume`\.$"):
        suite.Profile.parse(record, "run.json")


@pytest.mark.parametrize("profile", suite.PROFILES.values(), ids=suite.PROFILES)
def test_a_profile_is_read_back(profile):
    assert suite.Profile.parse(profile.record(), "run.json") == profile


def everything(*models):
    return catalog.load().everything(names=models)


def test_todays_suite_has_twelve_networks_on_five_runtimes_of_which_each_gives_what_it_has():
    today = suite.find_suite("today")
    instances = suite.select(everything=everything(*today.models), suite=today)
    frameworks = catalog.load().frameworks
    runtimes = ["tflite", "onnxruntime", "executorch", "ncnn", "mnn"]
    assert {(instance.model, instance.framework) for instance in instances} == set(
        itertools.product(today.models, runtimes)
    )
    assert {instance.model for instance in instances} - set(suite.MODELS) == {
        *("mobilenet_v3_large", "efficientnet_b0", "regnet_y_800mf"),
        *("shufflenet_v2_x1_0", "convnext_tiny", "vit_b_16"),
    }
    assert {instance.delegate for instance in instances} == {"cpu"}
    assert len(instances) == 12 * sum(len(frameworks[name].quantizations) for name in runtimes)


def test_names_take_the_place_of_those_of_a_suite():
    instances = suite.select(["resnet18"], ["mnn"], (), ["float32"], everything("resnet18"), "today")
    assert [instance.id for instance in instances] == ["mnn_cpu_float32_resnet18"]


MINE = """
models = ["squeezenet", "EfficientNet-B0"]
frameworks = ["tflite", "onnxruntime"]
quantizations = ["float32", "int8"]
"""


def test_a_file_is_a_suite(tmp_path):
    """The suite has two networks, two frameworks and two quantizations, on the CPU unless delegates are named."""
    file = tmp_path / "My suite.toml"
    file.write_text(MINE)
    mine = suite.find_suite(str(file))
    assert (mine.name, mine.recorded_name) == ("my-suite", "my-suite")
    instances = suite.select(everything=everything(*mine.models), suite=mine)
    assert {
        (instance.model, instance.framework, instance.quantization, instance.delegate) for instance in instances
    } == set(
        itertools.product(["squeezenet", "efficientnet_b0"], ["tflite", "onnxruntime"], ["float32", "int8"], ["cpu"])
    )
    file.write_text(f'name = "phones"\ndelegates = ["cpu", "nnapi"]{MINE}')
    assert suite.find_suite(str(file)).name == "phones"
    assert len(suite.select(everything=everything(*mine.models), suite=str(file))) == 2 * 2 * 2 + 2 * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models = [", "is not valid TOML"),
        ("model = ['squeezenet']", r"has 'model': a suite has only name, models, frameworks, delegates, quantizations"),
        ("frameworks = ['tflite']", r"has no models: write models = \[\"\.\.\.\""),
        ("models = ['squeezenet']", "has no frameworks"),
        ("models = 'squeezenet'\nframeworks = ['tflite']", "has 'squeezenet' as models: write a list of names"),
        ("models = []\nframeworks = ['tflite']", r"has \[\] as models: write a list of names"),
        ("models = ['squeezenet']\nframeworks = [1]", r"has \[1\] as frameworks: write a list of names"),
        ("name = 'today'\nmodels = ['squeezenet']\nframeworks = ['tflite']", "has the name 'today': write another"),
        ("name = '../x'\nmodels = ['squeezenet']\nframeworks = ['tflite']", r"has the name '\.\./x': write another"),
    ],
)
def test_a_file_that_is_no_suite_is_one_sentence(tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SelectionError, match=rf"^\S+mine\.toml {words}"):
        suite.find_suite(str(file))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, content):
    file = tmp_path / "mine.toml"
    if content:
        file.write_bytes(content)
    with pytest.raises(SelectionError, match=r"mine\.toml"):
        suite.find_suite(str(file))


def test_an_unknown_name_in_a_file_is_named(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('models = ["squeezenet"]\nframeworks = ["nncn"]')
    with pytest.raises(SelectionError, match="Framework 'nncn' is unknown: choose from tflite"):
        suite.select(everything=everything(), suite=str(file))
