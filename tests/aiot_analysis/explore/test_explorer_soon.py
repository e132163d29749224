"""Tests of several clicks in a row."""

import asyncio
from collections.abc import Iterator

from aiot_analysis.explore import explorer
from aiot_analysis.explore.explorer import Debounced


def test_without_an_event_loop_every_call_is_made_at_once() -> None:
    calls: list[int] = []
    later = Debounced(calls.append)
    later(1)
    later(2)
    later.now()
    assert calls == [1, 2]


def test_of_several_calls_in_a_row_the_last_is_made_once() -> None:
    calls: list[int] = []

    async def clicks() -> None:
        later = Debounced(calls.append)
        for number in range(5):
            later(number)
        assert calls == []
        await asyncio.sleep(2 * explorer.WAIT_S)
        assert calls == [4]
        later(5)
        await asyncio.sleep(2 * explorer.WAIT_S)

    asyncio.run(clicks())
    assert calls == [4, 5]


def test_who_needs_it_now_does_not_wait_and_it_is_made_once() -> None:
    calls: list[int] = []

    async def code() -> None:
        later = Debounced(calls.append)
        later(1)
        later.now()
        assert calls == [1]
        later.now()
        await asyncio.sleep(2 * explorer.WAIT_S)

    asyncio.run(code())
    assert calls == [1]


def test_another_call_abandons_the_steps_that_are_left() -> None:
    steps: list[str] = []

    def slow(name: str) -> Iterator[None]:
        for number in range(3):
            steps.append(f"{name}{number}")
            if (name, number) == ("a", 1):
                later("b")  # a click between the second and the third step
            yield

    later = Debounced(slow)

    async def clicks() -> None:
        later("a")
        await asyncio.sleep(4 * explorer.WAIT_S)

    asyncio.run(clicks())
    assert steps == ["a0", "a1", "b0", "b1", "b2"]
