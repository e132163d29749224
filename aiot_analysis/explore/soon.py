"""What is drawn once for several clicks in a row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

WAIT_S = 0.2  # a person's next click in a list comes sooner


class Soon:
    """Calls a function with what it was last called with, once nothing was asked for WAIT_S.

    A kernel takes one click after the other: drawn at once, the figures of the first would hold up the last. Where no
    event loop runs, as in a script, the function is called at once.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self._arguments: tuple[Any, ...] = ()
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self, *arguments: Any) -> None:
        self._arguments = arguments
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._function(*arguments)
            return
        if self._waiting:
            self._waiting.cancel()
        self._waiting = loop.call_later(WAIT_S, self.now)

    def now(self) -> None:
        """Waits no longer, if anything waits."""
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None
            self._function(*self._arguments)
