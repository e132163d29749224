"""Scaling of phones: those of Table IV to their score in it, the others by their chip and below rank 10."""

from __future__ import annotations

import math
from functools import cache

from aiot_analysis.simulate import assumptions, fleet
from aiot_analysis.tables import names, paper


@cache
def expected(soc: str) -> float:
    """Return the VIPS (Equation 1) of a phone with this chip from the parameters alone, before scaling."""
    total = 0.0
    for instance_id in names.PAPER_FLOAT32:
        framework, _, quantization, model = names.instance(instance_id)
        overhead_ms = sum(assumptions.around_ms(soc, model).values())
        time_s = (assumptions.time_ms(soc, instance_id).value + overhead_ms) / 1000
        total += assumptions.accuracy(framework, quantization, model).value / time_s
    return total


@cache
def common_scale() -> float:
    """Return the factor on all times of phones that are not in Table IV.

    It is the geometric mean of the factors that the phones in Table IV need by their chip, except those listed as odd
    in fleet.toml.
    """
    odd = assumptions.file()["score"]["odd"]
    factors = [expected(phone.soc) / phone.vips for phone in fleet.known() if phone.vips and phone.name not in odd]
    return math.exp(sum(map(math.log, factors)) / len(factors))


def ceiling() -> float:
    """Return the score that no phone outside Table IV reaches: a little less than that of rank 10."""
    return float(assumptions.file()["score"]["ceiling"] * paper.top10()["vips"].min())


def held_under(vips: float) -> float:
    """Return a score reduced to stay below the ceiling, in a way that preserves the order of scores."""
    power = assumptions.file()["score"]["power"]
    return vips * float((1 + (vips / ceiling()) ** power) ** (-1 / power))


def scale(phone: fleet.Phone, drawn: float, slowness: float = 1.0) -> float:
    """Return the factor on all times of a phone whose times and images were drawn with the score `drawn`.

    A phone in Table IV gets its score there; any other gets that of its chip, a little faster or slower.
    """
    target = phone.vips if phone.vips is not None else held_under(drawn / (common_scale() * slowness))
    return drawn / target
