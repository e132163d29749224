"""Finding, choosing and reading notebooks and their parameters without executing them."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.tables.names import FALSE, PARAMETERS, TRUE, verdicts
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


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
        converted = _convert_text(value, parameter.type)
    except ValueError:
        kind = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}[parameter.type]
        raise ReportError(
            f"Parameter {parameter.name} must be {kind}, not {value!r}: give a value like {parameter.default!r}."
        ) from None
    if parameter.type in ("str", ""):
        _check_choice(parameter.name, converted)
    return converted


def _convert_text(value: object, kind: str) -> object:
    """Return a value as the type of a parameter; `kind` is the name of the type, "" if any value will do.

    Raises
    ------
    ValueError
        The value is neither of this type nor text that can be read as one.
    """
    readers: dict[str, Callable[[str], object]] = {"bool": _parse_bool, "int": int, "float": float}
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


def _parse_bool(text: str) -> bool:
    if text.casefold() not in TRUE | FALSE:
        raise ValueError
    return text.casefold() in TRUE


NAME = re.compile(r"(\d+)_(.+)")
PUBLISHED = "published"
"""Origin of data that most notebooks are not made for: no run of the suite, but results of others."""


@dataclass(frozen=True)
class Notebook:
    """The facts about a notebook before it runs."""

    path: Path
    name: str  # like 04_framework_shares
    title: str  # its first heading
    summary: str  # the first paragraph after it, without Markdown
    parameters: dict[str, Parameter]
    digest: str  # sha256 of the cells, without outputs and execution counts
    problem: str = ""  # why it cannot be executed

    def is_made_for(self, origin: str) -> bool:
        """Return whether the notebook is rendered for data of an origin.

        One whose parameter `origin` is "published" by default is rendered only for published data, any other for all
        data but these.
        """
        return (self.value("origin", {}) == PUBLISHED) == (origin == PUBLISHED)

    @property
    def number(self) -> str:
        return self.name.partition("_")[0]

    def value(self, name: str, values: dict[str, object]) -> object:
        """Return the value of a parameter, or None if the notebook has no such parameter."""
        if name not in self.parameters:
            return None
        return values.get(name, self.parameters[name].default)


def find(folder: Path) -> list[Notebook]:
    """Return the notebooks `NN_name.ipynb` of a folder in order; those of its subfolders are not reports.

    A notebook that cannot be read has a `problem` and does not prevent the others from being rendered.

    Raises:
        ReportError: There is no such folder, or no notebook in it.
    """
    rawlog.existing_folder(folder, "give the folder of the notebooks with --notebooks", ReportError)
    paths = sorted(path for path in folder.glob("*.ipynb") if NAME.fullmatch(path.stem))
    if not paths:
        raise ReportError(
            f"There is no notebook like 01_name.ipynb in {folder}: give the folder of the notebooks with --notebooks."
        )
    return [_notebook_paths(path) for path in paths]


def _notebook_paths(path: Path) -> Notebook:
    try:
        return read(path)
    except ReportError as error:
        return Notebook(path, path.stem, path.stem, "", {}, "", str(error))


def choose(notebooks: Sequence[Notebook], names: Sequence[str]) -> list[Notebook]:
    """Return the named notebooks, or all if none is named.

    A name is a number, a name or both, in any case.

    Raises:
        ReportError: A name matches no notebook.
    """
    wanted = set()
    for text in names:
        matching = [notebook.name for notebook in notebooks if _is_named(notebook.name, text)]
        if not matching:
            choices = ", ".join(notebook.name for notebook in notebooks)
            raise ReportError(f"There is no notebook {text!r}: choose {choices}.")
        wanted.update(matching)
    return [notebook for notebook in notebooks if not names or notebook.name in wanted]


def _is_named(name: str, text: str) -> bool:
    number, _, words = name.partition("_")
    text = text.casefold().removesuffix(".ipynb")
    return text in (name.casefold(), words.casefold()) or (text.isdecimal() and int(text) == int(number))


def assign(notebooks: Sequence[Notebook], values: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return for each notebook, by name, the values of its parameters, converted to their types.

    Raises:
        ReportError: No notebook has a parameter of that name (the message lists those that exist), or a value does not
            have the type of the parameter.
    """
    for name in values:
        if not any(name in notebook.parameters for notebook in notebooks):
            existing = {
                parameter.name: parameter for notebook in notebooks for parameter in notebook.parameters.values()
            }
            choices = "; ".join(str(parameter) for parameter in existing.values()) or "none"
            raise ReportError(f"Parameter {name!r} is unknown to the chosen notebooks: they have {choices}.")
    return {
        notebook.name: {
            name: convert(notebook.parameters[name], value)
            for name, value in values.items()
            if name in notebook.parameters
        }
        for notebook in notebooks
    }


def read(path: Path) -> Notebook:
    """Read one notebook.

    Raises:
        ReportError: The file is not a notebook of format 4, or its parameters are not valid Python.
    """
    try:
        document = rawlog.parse(path.read_bytes())
        cells = [(cell["cell_type"], _text(cell["source"]), cell.get("metadata", {})) for cell in document["cells"]]
    except OSError as error:
        raise ReportError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{path} is not a notebook of format 4 ({error}): save it again in Jupyter.") from None
    tagged = next((source for _, source, metadata in cells if "parameters" in metadata.get("tags", [])), "")
    title, summary = _first_paragraph([source for kind, source, _ in cells if kind == "markdown"])
    digest = hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()
    problem = _of_another_language(document.get("metadata", {}))
    return Notebook(path, path.stem, title or path.stem, summary, read_parameters(tagged, path.stem), digest, problem)


def _of_another_language(metadata: Mapping[str, Any]) -> str:
    """Return why a notebook cannot run in this Python, whatever the name of its kernel, or "" if it can."""
    kernel = metadata.get("kernelspec", {})
    language = str(kernel.get("language") or metadata.get("language_info", {}).get("name") or "python")
    if language.casefold() == "python":
        return ""
    return f"its kernel {kernel.get('name', '')!r} is for {language}, not Python: choose a Python kernel in Jupyter"


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _first_paragraph(markdown: Sequence[str]) -> tuple[str, str]:
    """Return the first heading and the first paragraph that follows it."""
    title = summary = ""
    for block in re.split(r"\n\s*\n", "\n\n".join(markdown)):
        text = block.strip()
        if text.startswith("#"):
            heading, _, text = text.partition("\n")
            title = title or plain(heading.lstrip("# "))
        if title and text.strip() and not text.startswith(("|", ">", "-", "*  ", "```", "<", "#")):
            summary = plain(text)
            break
    return title, summary


def plain(markdown: str) -> str:
    """Return one paragraph of Markdown as plain text in one line: links as their text, without emphasis."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", text, flags=re.DOTALL)
    text = re.sub(r"(?<!\w)[*_](\S.*?)[*_](?!\w)", r"\1", text, flags=re.DOTALL)
    return " ".join(text.split())
