"""The cell tagged `parameters` of a notebook, and values for it that were typed as text.

papermill can inspect notebooks too, but importing it takes longer than everything else before the first notebook runs,
and it returns defaults as text only.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable
from dataclasses import dataclass

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.tables.choice import FALSE, PARAMETERS, TRUE, verdicts


@dataclass(frozen=True)
class Parameter:
    """One line of the cell: `name: type = default  # comment`."""

    name: str
    type: str  # "int", "float", "bool" or "str"; "" for any other type
    optional: bool  # whether it may be None
    default: object
    comment: str

    def __str__(self) -> str:
        kind = f": {self.type}" if self.type else ""
        return f"{self.name}{kind} = {self.default!r}" + (f" ({self.comment})" if self.comment else "")


def read_parameters(source: str, notebook: str) -> dict[str, Parameter]:
    """Return the parameters that a cell defines, in order.

    Raises:
        ReportError: The cell is not valid Python.
    """
    try:
        body = ast.parse(source).body
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError) as error:
        raise ReportError(f"The parameters cell of {notebook} is not valid Python ({error}): correct it.") from None
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    defined = {}
    for line in body:
        if not isinstance(line, (ast.Assign, ast.AnnAssign)):
            continue
        target = line.target if isinstance(line, ast.AnnAssign) else line.targets[0]
        if not isinstance(target, ast.Name) or line.value is None:
            continue
        try:
            default = ast.literal_eval(line.value)
        except ValueError:
            continue  # an expression cannot be set on the command line
        annotation = ast.unparse(line.annotation) if isinstance(line, ast.AnnAssign) else type(default).__name__
        words = annotation.replace("|", " ").replace("[", " ").replace("]", " ").split()
        kind = next((word for word in words if word in ("int", "float", "bool", "str")), "")
        optional = default is None or "None" in words or "Optional" in words
        comment = comments.get(line.end_lineno or line.lineno, "")
        defined[target.id] = Parameter(target.id, kind, optional, default, comment)
    return defined


def convert(parameter: Parameter, value: object) -> object:
    """Return a value converted to the type of the parameter; a value that is not text must have that type already.

    Raises:
        ReportError: The value has the wrong type, or is none of the few that the parameter can have. The message names
            the parameter, the value, and the type or the possible values.
    """
    if parameter.optional and (value is None or (isinstance(value, str) and value.casefold() == "none")):
        return None
    try:
        converted = _typed(value, parameter.type)
    except ValueError:
        kind = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}[parameter.type]
        raise ReportError(
            f"Parameter {parameter.name} must be {kind}, not {value!r}: give a value like {parameter.default!r}."
        ) from None
    if parameter.type in ("str", ""):
        _check_choice(parameter.name, converted)
    return converted


def _typed(value: object, kind: str) -> object:
    """Return a value as the type of a parameter; `kind` is the name of the type, "" if any value will do.

    Raises
    ------
    ValueError
        The value is neither of this type nor text that can be read as one.
    """
    readers: dict[str, Callable[[str], object]] = {"bool": _truth, "int": int, "float": float}
    if isinstance(value, str) and kind in readers:
        return readers[kind](value)
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    types: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
    if kind and (not isinstance(value, types[kind]) or (kind == "int" and isinstance(value, bool))):
        raise ValueError
    return value


def _check_choice(name: str, value: object) -> None:
    """Raise ReportError if a parameter has a fixed list of values and this is none of them."""
    if name in PARAMETERS and value not in PARAMETERS[name]:
        *others, last = PARAMETERS[name]
        raise ReportError(f"Parameter {name} cannot be {value!r}: choose {', '.join(others)} or {last}.")
    if name == "verdicts":
        try:
            verdicts(str(value))
        except DataError as error:
            raise ReportError(f"Parameter {name}: {error}") from None


def _truth(text: str) -> bool:
    if text.casefold() not in TRUE | FALSE:
        raise ValueError
    return text.casefold() in TRUE
