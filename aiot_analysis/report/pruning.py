"""The code of a notebook that some of its figures and tables need, found without executing it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.While, ast.FunctionDef, ast.ClassDef)
_STORED = (ast.Store, ast.Del)


def prune(
    sources: Sequence[str], is_wanted: Callable[[ast.Call], bool], is_unwanted: Callable[[ast.Call], bool]
) -> list[str]:
    """Return the source of each cell without the statements that no wanted call needs, or "pass" if nothing remains.

    A statement is needed if it contains a wanted call, or if it may change a variable that a later needed statement
    uses: by assigning it, or by a call without a result that has its name, or another name of the same object, except
    for unwanted calls. Imports and statements of other kinds, such as `try`, are always kept. If a cell is not plain
    Python, nothing is removed.

    Parameters
    ----------
    sources
        The sources of all cells that have code, in order.
    is_wanted, is_unwanted
        Whether the effect of a call is wanted, and whether a call has no effect on any variable.
    """
    try:
        cells = [_OfPages().visit(ast.parse(source)).body for source in sources]
    except SyntaxError:
        return list(sources)  # a line magic, or an error that execution will report
    pruner = _Pruner(is_wanted, is_unwanted, _aliases([statement for cell in cells for statement in cell]))
    kept = [pruner.block(cell) for cell in reversed(cells)][::-1]
    return ["\n".join(map(ast.unparse, cell)) or "pass" for cell in kept]


class _OfPages(ast.NodeTransformer):
    """Remove the arguments of calls of `show` that only pages use: the finding and the interactive drawing."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "show":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in ("title", "chart")]
        return node


class _Pruner:
    """Walk through statements from the last to the first, and remember which variables the kept ones use."""

    def __init__(
        self,
        is_wanted: Callable[[ast.Call], bool],
        is_unwanted: Callable[[ast.Call], bool],
        aliases: Mapping[str, set[str]],
    ) -> None:
        self._is_wanted = is_wanted
        self._is_unwanted = is_unwanted
        self._aliases = aliases
        self._used: set[str] = set()

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the needed statements of a block."""
        return [kept for statement in reversed(statements) if (kept := self._prune(statement))][::-1]

    def _prune(self, statement: ast.stmt) -> ast.stmt | None:
        """Return a statement, without the parts of its branches that are not needed, or None if it is not needed."""
        if isinstance(statement, ast.If):
            branches = self.block(statement.body), self.block(statement.orelse)
            if not any(branches) and not self._is_needed(statement.test):
                return None
            self._used |= _names(statement.test)
            return ast.copy_location(ast.If(statement.test, branches[0] or [ast.Pass()], branches[1]), statement)
        if isinstance(statement, _BINDING) and not self._is_needed(statement):
            return None
        self._used |= _names(statement)
        return statement

    def _is_needed(self, code: ast.AST) -> bool:
        calls = [node for node in ast.walk(code) if isinstance(node, ast.Call)]
        return any(map(self._is_wanted, calls)) or bool(self._changed(code) & self._used)

    def _changed(self, code: ast.AST) -> set[str]:
        """Return the variables that a piece of code may change, also inside of them."""
        changed: set[str] = set()
        for node in ast.walk(code):
            if isinstance(node, ast.Expr):
                changed |= self._with_aliases(_names(node)) if self._has_effect(node.value) else set()
            elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, _STORED):
                changed |= self._with_aliases(_names(node))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, _STORED):
                changed.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                changed.add(node.name)
        return changed

    def _has_effect(self, value: ast.expr) -> bool:
        """Return whether an expression may change variables: with any call other than an unwanted one."""
        if isinstance(value, ast.Call) and self._is_unwanted(value):
            return False
        return any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(value))

    def _with_aliases(self, names: set[str]) -> set[str]:
        return names.union(*(self._aliases.get(name, ()) for name in names))


def _aliases(statements: Sequence[ast.stmt]) -> dict[str, set[str]]:
    """Return for each name all names that may mean the same object or a part of it, as in `b = a["x"]`."""
    groups: dict[str, set[str]] = {}
    for node in (node for statement in statements for node in ast.walk(statement)):
        names: set[str] = set()
        if isinstance(node, ast.For):
            names = _names(node.target) | _names(node.iter)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript):
            names = _names(node.value).union(*map(_names, node.targets))
        group = names.union(*(groups.get(name, ()) for name in names))
        groups |= dict.fromkeys(group, group)
    return groups


def _names(node: ast.AST) -> set[str]:
    """Return all names in a piece of code."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
