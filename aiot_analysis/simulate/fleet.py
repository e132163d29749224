"""The phones of the fleet: those of the paper's Table III, and more that are drawn like them."""

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
    """What a phone is. Beyond Table III it has no paper_id; vips is its score in Table IV, if it is there."""

    number: int  # from 1; of the first 51 the id in Table III
    maker: str
    model: str
    soc: str
    ram_gb: int
    android: str
    paper_id: int | None = None
    vips: float | None = None

    @property
    def name(self) -> str:
        return f"{self.maker} {self.model}"

    @property
    def slug(self) -> str:
        """Like sim-01-samsung-galaxy-s10e."""
        return f"sim-{self.number:02}-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower().replace("+", " plus")).strip("-")


def stream(seed: int, *names: object) -> np.random.Generator:
    """Random numbers of their own for whatever is named: what else is drawn, or in which order, changes nothing."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, names)).encode())])


@cache
def known() -> tuple[Phone, ...]:
    """The 51 phones of Table III."""
    scores = dict(zip(paper.top10()["device"], paper.top10()["vips"].astype(float), strict=True))
    phones = []
    for row in paper.devices().to_dict("records"):
        maker, model = row["device"].split(" ", 1)
        number = int(row["paper_id"])
        score = scores.get(row["device"])
        phones.append(Phone(number, maker, model, row["soc"], int(row["ram_gb"]), str(row["android"]), number, score))
    return tuple(phones)


def phones(count: int, seed: int) -> list[Phone]:
    """The first `count` phones: those of Table III, then others with the chip, memory and Android of one of them."""
    return [*known()[:count], *(_like_known(number, seed) for number in range(len(known()) + 1, count + 1))]


def _like_known(number: int, seed: int) -> Phone:
    like = known()[int(stream(seed, "phone", number).integers(len(known())))]
    return Phone(number, "Simulated", f"Phone {number}", like.soc, like.ram_gb, like.android)


def quantized(all_phones: Sequence[Phone], count: int | None) -> set[int]:
    """Numbers of the phones that run the quantized models; all of them if `count` is None.

    The paper says how many there are (25) and not which: the first phone of each chip in the order of
    Table III, then the first of the others.
    """
    if count is None:
        return {phone.number for phone in all_phones}
    firsts: dict[str, Phone] = {}
    for phone in known():
        firsts.setdefault(phone.soc, phone)
    first = [phone.number for phone in firsts.values()]
    order = [*first, *(number for number in range(1, max(len(known()), len(all_phones)) + 1) if number not in first)]
    return set(order[:count]) & {phone.number for phone in all_phones}
