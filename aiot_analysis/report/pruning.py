"""The code of a notebook that some of its figures and tables need, found without executing it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.While, ast.FunctionDef, ast.ClassDef)
_STORED = (ast.Store, ast.Del)


def prune(
    sources: Sequence[str], is_wanted: Callable[[ast.Call], bool], is_unwanted: Callable[[ast.Call], bool]
) -> list[str]:
    """Return the source of each cell without the statements that no wanted call needs, or "pass" if nothing remains.

    A statement is needed if it contains a wanted call, or if it may change a variable that a later needed statement
    uses: by assigning it, or by calling its methods or passing it to a function, except for unwanted calls. Imports and
    statements of other kinds, such as `try`, are always kept. If a cell is not plain Python, nothing is removed.

    Parameters
    ----------
    sources
        The sources of all cells that have code, in order.
    is_wanted, is_unwanted
        Whether the effect of a call is wanted, and whether a call has no effect on any variable.
    """
    try:
        cells = [ast.parse(source).body for source in sources]
    except SyntaxError:
        return list(sources)  # a line magic, or an error that execution will report
    pruner = _Pruner(is_wanted, is_unwanted)
    kept = [pruner.block(cell) for cell in reversed(cells)][::-1]
    return ["\n".join(map(ast.unparse, cell)) or "pass" for cell in kept]


class _Pruner:
    """Walk through statements from the last to the first, and remember which variables the kept ones use."""

    def __init__(self, is_wanted: Callable[[ast.Call], bool], is_unwanted: Callable[[ast.Call], bool]) -> None:
        self._is_wanted = is_wanted
        self._is_unwanted = is_unwanted
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
                unwanted = isinstance(node.value, ast.Call) and self._is_unwanted(node.value)
                changed |= set() if unwanted else _names(node)
            elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, _STORED):
                changed |= _names(node)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                changed.add(node.name)
        return changed


def _names(node: ast.AST) -> set[str]:
    """Return all names in a piece of code."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
