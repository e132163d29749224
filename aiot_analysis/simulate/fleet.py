"""The phones of the fleet: those of the paper's Table III, and others drawn from them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from aiot_analysis.tables import paper


@dataclass(frozen=True)
class Phone:
    """Properties of a phone. Those beyond Table III have no paper_id; vips is the score in Table IV, if any."""

    number: int  # from 1; the id in Table III for the first 51
    maker: str
    model: str
    soc: str
    ram_gb: int
    android: str
    paper_id: int | None = None
    vips: float | None = None

    @property
    def name(self) -> str:
        """Return maker and model."""
        return f"{self.maker} {self.model}"

    @property
    def slug(self) -> str:
        """Return an id like sim-01-samsung-galaxy-s10e."""
        return f"sim-{self.number:02}-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower().replace("+", " plus")).strip("-")


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return a random generator of its own for the given names, unaffected by what else is drawn or in which order."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, names)).encode())])


@cache
def known() -> tuple[Phone, ...]:
    """Return the 51 phones of Table III."""
    scores = dict(zip(paper.top10()["device"], paper.top10()["vips"].astype(float), strict=True))
    phones = []
    for row in paper.devices().to_dict("records"):
        maker, model = row["device"].split(" ", 1)
        number = int(row["paper_id"])
        score = scores.get(row["device"])
        phones.append(Phone(number, maker, model, row["soc"], int(row["ram_gb"]), str(row["android"]), number, score))
    return tuple(phones)


def phones(count: int, seed: int) -> list[Phone]:
    """Return the first `count` phones: those of Table III, then others with the specification of one of them."""
    return [*known()[:count], *(_like_known(number, seed) for number in range(len(known()) + 1, count + 1))]


def _like_known(number: int, seed: int) -> Phone:
    """Return a phone beyond Table III that resembles one in it."""
    template = known()[int(stream(seed, "phone", number).integers(len(known())))]
    return Phone(number, "Simulated", f"Phone {number}", template.soc, template.ram_gb, template.android)


def quantized(all_phones: Sequence[Phone], count: int | None) -> set[int]:
    """Return the numbers of the phones that run the quantized models, all of them if `count` is None.

    The paper says how many there are (25) but not which: the first phone of each chip in the order of Table III is
    taken, then the first of the others.
    """
    if count is None:
        return {phone.number for phone in all_phones}
    first_by_soc: dict[str, Phone] = {}
    for phone in known():
        first_by_soc.setdefault(phone.soc, phone)
    chip_firsts = [phone.number for phone in first_by_soc.values()]
    order = [
        *chip_firsts,
        *(number for number in range(1, max(len(known()), len(all_phones)) + 1) if number not in chip_firsts),
    ]
    return set(order[:count]) & {phone.number for phone in all_phones}
