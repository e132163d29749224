"""Reasons why comparisons have no number: what was not measured, in words that can be merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOT_MEASURED = " not measured"


def merge_reasons(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return distinct reasons; those that name what was not measured (see `lacking_words`) become a single one.

    "TFLite CPU float32 not measured for ResNet50" and the same for InceptionV3 become "TFLite CPU float32 not measured
    for ResNet50 and InceptionV3".
    """
    lacking: dict[str, dict[str, None]] = {}  # models by implementation and quantization; {"": None} for all models
    others: dict[str, None] = {}
    for reason in reasons:
        pieces = reason.split("; ")
        if not all(NOT_MEASURED in piece for piece in pieces):
            others.update({reason: None} if reason else {})
            continue
        for piece in pieces:
            implementations, _, models = piece.partition(NOT_MEASURED)
            for implementation in _items(implementations):
                way, _, quantizations = implementation.rpartition(" ")
                for quantization in quantizations.split("/"):
                    of_version = lacking.setdefault(f"{way} {quantization}", {})
                    of_version.update(dict.fromkeys(_items(models.removeprefix(" for ")) or [""]))
    return tuple(others) if not lacking else (*others, lacking_words(lacking))


def lacking_words(models: Mapping[str, Iterable[str]]) -> str:
    """Say what was not measured, given the models by implementation, like "TFLite CPU float32".

    A model "" stands for all of them. Implementations that lack the same models share their words, like "TFLite CPU
    float32/INT8 and PyTorch float32 not measured for ResNet50; Caffe2 float32 not measured".
    """
    ways: dict[frozenset[str], dict[str, list[str]]] = {}
    wordings: dict[frozenset[str], str] = {}
    for implementation, lacking in models.items():
        way, _, quantization = implementation.rpartition(" ")
        key = frozenset() if "" in lacking else frozenset(lacking)
        ways.setdefault(key, {}).setdefault(way, []).append(quantization)
        wordings.setdefault(key, f" for {listed(lacking)}" if key else "")
    return "; ".join(
        listed(f"{way} {'/'.join(quantizations)}" for way, quantizations in by_way.items())
        + NOT_MEASURED
        + wordings[key]
        for key, by_way in ways.items()
    )


def is_lacking(reasons: Sequence[str]) -> bool:
    """Return whether the only reason is that something was not measured. Takes what `merge_reasons` returns."""
    return len(reasons) == 1 and all(NOT_MEASURED in piece for piece in reasons[0].split("; "))


def _items(text: str) -> list[str]:
    """Return the items of a text that `listed` made."""
    return [item for part in text.split(", ") for item in part.split(" and ") if item]
