import pytest

from aiot_analysis.errors import ReportError
from aiot_analysis.report import notebooks
from aiot_analysis.report.notebooks import Parameter
from aiot_analysis.tables.names import PARAMETERS

CELL = """\
# numbers first
count: int = 5  # how many
ratio: float = 1
deep: bool = False  # look further
name: str = "a # b"  # what to call it
label: str | None = None  # or nothing
plain = 2.5  # no annotation
computed: int = 2 * count
first, second = 1, 2
"""


def test_a_cell_gives_names_types_defaults_and_comments() -> None:
    found = notebooks.read_parameters(CELL, "01_x")
    assert list(found.values()) == [
        Parameter("count", "int", False, 5, "how many"),
        Parameter("ratio", "float", False, 1, ""),
        Parameter("deep", "bool", False, False, "look further"),
        Parameter("name", "str", False, "a # b", "what to call it"),
        Parameter("label", "str", True, None, "or nothing"),
        Parameter("plain", "float", False, 2.5, "no annotation"),
    ]


def test_a_cell_that_is_no_python_names_its_notebook() -> None:
    with pytest.raises(ReportError, match="parameters cell of 01_x is not valid Python"):
        notebooks.read_parameters("count: int = ", "01_x")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("count", "7", 7),
        ("count", 7, 7),
        ("ratio", "0.9", 0.9),
        ("ratio", 2, 2.0),
        ("deep", "Yes", True),
        ("deep", "off", False),
        ("deep", True, True),
        ("name", "7", "7"),
        ("label", "None", None),
        ("label", "x", "x"),
    ],
)
def test_text_is_read_as_the_type(name: str, given: object, value: object) -> None:
    converted = notebooks.convert(notebooks.read_parameters(CELL, "01_x")[name], given)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("count", "7.5", "Parameter count must be a whole number, not '7.5': give a value like 5."),
        ("count", True, "Parameter count must be a whole number, not True: give a value like 5."),
        ("ratio", "abc", "Parameter ratio must be a number, not 'abc': give a value like 1."),
        ("deep", "maybe", "Parameter deep must be true or false, not 'maybe': give a value like False."),
        ("name", 3, "Parameter name must be text, not 3: give a value like 'a # b'."),
    ],
)
def test_a_value_of_another_type_is_an_error_in_one_sentence(name: str, given: object, sentence: str) -> None:
    with pytest.raises(ReportError) as error:
        notebooks.convert(notebooks.read_parameters(CELL, "01_x")[name], given)
    assert str(error.value) == sentence


CHOICES = """
origin: str = "measured"  # where the data come from
timing: str = "end_to_end"  # which time
verdicts: str = "valid,semi-valid"  # which instances
burst_unit: str = "images"  # of a burst
"""


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("timing", "wrong", "Parameter timing cannot be 'wrong': choose end_to_end or inference."),
        ("timing", "", "Parameter timing cannot be '': choose end_to_end or inference."),
        (
            "origin",
            "Measured",
            "Parameter origin cannot be 'Measured': choose measured, imported, published or simulated.",
        ),
        ("burst_unit", "minutes", "Parameter burst_unit cannot be 'minutes': choose images or seconds."),
        (
            "verdicts",
            "valid,invalid",
            (
                "Parameter verdicts: Instances with the verdict 'invalid' have no usable numbers: "
                "choose valid or semi-valid."
            ),
        ),
        (
            "verdicts",
            "",
            "Parameter verdicts: Instances with the verdict '' have no usable numbers: choose valid or semi-valid.",
        ),
    ],
)
def test_one_of_a_few_values_is_checked_before_anything_runs(name: str, given: str, sentence: str) -> None:
    with pytest.raises(ReportError) as error:
        notebooks.convert(notebooks.read_parameters(CHOICES, "01_x")[name], given)
    assert str(error.value) == sentence


@pytest.mark.parametrize("text", ["valid", "semi-valid", "valid, semi-valid"])
def test_verdicts_may_be_several(text: str) -> None:
    assert notebooks.convert(notebooks.read_parameters(CHOICES, "01_x")["verdicts"], text) == text


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_value_of_a_choice_is_one_that_the_notebooks_take(name: str) -> None:
    cell = f'{name}: str = "x"  # one of a few'
    for value in PARAMETERS[name]:
        assert notebooks.convert(notebooks.read_parameters(cell, "01_x")[name], value) == value
