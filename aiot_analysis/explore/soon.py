"""Delayed calls, so that several clicks in a row cause a single redraw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

WAIT_S = 0.2  # people make their next click in a list sooner than this


class Soon:
    """Callable that calls a function with the most recent arguments after WAIT_S without another call.

    A kernel handles clicks one after the other, so drawing the figures for each of them immediately would delay the
    last. Without a running event loop, as in a script, the function is called immediately.
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
        """Make a pending call immediately, if there is one."""
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None
            self._function(*self._arguments)
