"""How phones are scaled: those of Table IV to their score there, the others by their chip and under rank 10."""

from __future__ import annotations

import math
from functools import cache

from aiot_analysis.simulate import assumptions, fleet
from aiot_analysis.tables import names, paper


@cache
def expected(soc: str) -> float:
    """VIPS (Equation 1) of a phone with this chip by the parameters alone, before scaling."""
    total = 0.0
    for instance_id in names.PAPER_FLOAT32:
        framework, _, quantization, model = names.instance(instance_id)
        around = sum(assumptions.around_ms(soc, model).values())
        time_s = (assumptions.time_ms(soc, instance_id).value + around) / 1000
        total += assumptions.accuracy(framework, quantization, model).value / time_s
    return total


@cache
def common_scale() -> float:
    """The factor on all times of phones that are not in Table IV.

    The geometric mean of what the phones in it need by their chip, without those fleet.toml calls odd.
    """
    odd = assumptions.file()["score"]["odd"]
    factors = [expected(phone.soc) / phone.vips for phone in fleet.known() if phone.vips and phone.name not in odd]
    return math.exp(sum(map(math.log, factors)) / len(factors))


def ceiling() -> float:
    """What no phone outside Table IV reaches: a little less than rank 10's score."""
    return float(assumptions.file()["score"]["ceiling"] * paper.top10()["vips"].min())


def held_under(vips: float) -> float:
    """A score, held under the ceiling in a way that keeps the order of scores."""
    power = assumptions.file()["score"]["power"]
    return vips * float((1 + (vips / ceiling()) ** power) ** (-1 / power))


def scale(phone: fleet.Phone, drawn: float, slowness: float = 1.0) -> float:
    """The factor on all times of a phone whose times and images were drawn with the score `drawn`.

    A phone of Table IV gets its score there; another one that of its chip, a little faster or slower.
    """
    target = phone.vips if phone.vips is not None else held_under(drawn / (common_scale() * slowness))
    return drawn / target
