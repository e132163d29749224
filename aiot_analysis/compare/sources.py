"""What the words of a side name: rows of the table instances in one folder.

pixel-4                     plain words: a folder with tables, a device, a run
device:pixel-4              the same, with its kind
pytorch=1.10.2              the version of a framework
data/old,device:pixel-4     several, with commas: all must hold, of one kind any
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aiot_analysis.compare import sides
from aiot_analysis.compare.instances import IMAGE_COLUMNS
from aiot_analysis.errors import CompareError
from aiot_analysis.tables import storage, validity
from aiot_analysis.tables.by_device import Records
from aiot_analysis.tables.names import DELEGATES, MODELS, QUANTIZATIONS, in_order
from aiot_analysis.tables.processed import find as find_tables
from aiot_analysis.tables.processed import upwards

KINDS = ("folder", "device", "run")
FIELDS = ("threads", "profile", "conditions", "weights", "dataset", "resize", "study", "origin")
"""Columns of the table instances that can be named, like threads=4, beside the frameworks."""
SHOWN = 8  # choices that an error lists
NOTHING = "none"  # names a null
STUDY_WITHOUT_IMAGES = "profile"


@dataclass(frozen=True)
class Found:
    """The rows that the words of a side name, of one origin."""

    words: str
    folder: Path
    instances: pd.DataFrame
    devices: pd.DataFrame

    def side(self, timing: str, wanted: str) -> sides.Side:
        """The side for statistics: its rows and image records, which are read when they are needed."""
        known = tuple(sorted(set(self.instances["device_id"])))
        runs = sorted(set(self.instances["run_id"]))
        origin = str(self.instances["origin"].iloc[0])
        images = Records(self.folder, origin, known, tuple(IMAGE_COLUMNS), {"run_id": runs})
        # a study that was asked for is compared as the suite is
        return sides.chosen(self.instances.assign(study=None), images, timing, wanted)


def find(words: str, processed: Path) -> Found:
    """What a side is. `processed` is the folder where the words name none; folders are found as `load` finds them.

    Raises CompareError, with the choices, where a word is unknown or may mean several things, and DataError where
    tables are missing or damaged.
    """
    parts = [part.strip() for part in words.split(",")]
    if not all(parts):
        raise CompareError(f"{words!r} names no side: give a device, a run, a folder or a version like pytorch=2.13.")
    folders = list(dict.fromkeys(path for part in parts if (path := _folder(part))))
    if len(folders) > 1:
        raise CompareError(f"{words!r} names {len(folders)} folders: a side is of one.")
    folder = find_tables(folders[0] if folders else processed)
    instances = validity.read(folder)
    devices = storage.read("devices", folder)
    asked: dict[str, pd.Series] = {}
    for part in parts:
        if _folder(part):
            continue
        kind, named = _meant(part, instances, devices, folder)
        asked[kind] = asked[kind] | named if kind in asked else named
    chosen = pd.Series(True, index=instances.index)
    for one in asked.values():
        chosen &= one
    if "run" not in asked and "study" not in asked:
        chosen &= instances["study"].isna()
    if not chosen.any():
        raise CompareError(f"Nothing in {folder} is {words!r} in all its parts: leave one of them out.")
    rows = _of_one_origin(instances[chosen].reset_index(drop=True), words)
    _no_profile(rows, words)
    known = devices[devices["device_id"].isin(rows["device_id"]) & (devices["origin"] == rows["origin"].iloc[0])]
    return Found(words, folder, rows, known.reset_index(drop=True))


def _folder(word: str) -> Path | None:
    """The folder with tables that a word names, None if it names something else."""
    kind, _, rest = word.partition(":")
    if kind == "folder" and rest:
        return upwards(rest, Path.cwd()) or Path(rest)
    folder = upwards(word, Path.cwd())
    return folder if folder and (folder / "instances.parquet").is_file() else None


def _meant(word: str, instances: pd.DataFrame, devices: pd.DataFrame, folder: Path) -> tuple[str, pd.Series]:
    """The kind of a word, and the rows that it names."""
    if "=" in word:
        return _setting(word, instances)
    kind, colon, rest = word.partition(":")
    if colon and kind in KINDS and rest:
        word = rest
    elif colon:
        raise CompareError(f"{word!r} has no kind that is known: begin with {', '.join(f'{one}:' for one in KINDS)}.")
    else:
        kind = ""
    if kind != "run" and (known := _device(word, devices)):
        return "device", instances["device_id"].isin(known)
    if kind != "device" and (run := _run(word, instances)):
        return "run", instances["run_id"] == run
    if kind != "run" and (begun := _only(word, [one for one in _ids(devices) if one.lower().startswith(word.lower())])):
        return "device", instances["device_id"] == begun
    if "/" in word:
        raise CompareError(f"{word} is no folder of processed tables: run `aiot process`, or name a device or a run.")
    listed = [f"devices {_some(_ids(devices))}"] if kind != "run" else []
    if kind != "device":
        listed.append(f"runs {_some(sorted(set(instances['run_id']), reverse=True))}")
    raise CompareError(
        f"{word!r} is no {kind or 'device, run or folder of tables'} in {folder}: it has {', '.join(listed)}."
    )


def _ids(devices: pd.DataFrame) -> list[str]:
    return sorted(set(devices["device_id"].astype(str)))


def _device(word: str, devices: pd.DataFrame) -> list[str]:
    """The device of that id, or that is known by that name; in any case."""
    said = word.lower()
    ids = [one for one in _ids(devices) if one.lower() == said]
    if ids:
        return ids
    text = devices[["device_id", "maker", "model"]].fillna("").astype(str)
    names = text.assign(both=text["maker"] + " " + text["model"])[["model", "both"]].apply(lambda one: one.str.lower())
    named = sorted(set(text[(names == said).any(axis=1)]["device_id"]))
    return [one] if (one := _only(word, named)) else []


def _run(word: str, instances: pd.DataFrame) -> str:
    """The run whose id begins so, or ends with it behind the hyphen; "" if there is none."""
    ids = sorted(set(instances["run_id"].astype(str)))
    exact = [one for one in ids if one.lower() == word.lower()]
    said = word.lower()
    return _only(
        word, exact or [one for one in ids if one.lower().startswith(said) or one.lower().endswith(f"-{said}")]
    )


def _only(word: str, found: Sequence[str]) -> str:
    """The one that was found, "" if none was."""
    if len(found) > 1:
        raise CompareError(f"{word!r} may be {len(found)} things: choose one of {_some(found)}.")
    return found[0] if found else ""


def _setting(word: str, instances: pd.DataFrame) -> tuple[str, pd.Series]:
    """The rows with a value of a field, or with a version of a framework."""
    name, _, value = (part.strip().lower() for part in word.partition("="))
    frameworks = {one.lower(): one for one in set(instances["framework"])}
    if name in frameworks:
        mine = instances["framework"] == frameworks[name]
        versions = instances["framework_version"].where(mine)
        there = sorted(set(versions.dropna().astype(str)))
        version = _only(
            word, [one for one in there if one.lower() == value] or [one for one in there if _is(one, value)]
        )
        if not version:
            raise CompareError(
                f"There is no {word!r}: the versions of {frameworks[name]} are {_some(there) or 'not known'}."
            )
        return f"{name}=", versions == version
    if name not in FIELDS:
        known = ", ".join([*FIELDS, *sorted(frameworks.values())])
        raise CompareError(f"{name!r} of {word!r} is neither a setting nor a framework: choose {known}.")
    values = instances[name].astype("object").where(instances[name].notna(), NOTHING).astype(str)
    rows = values.str.lower() == value
    if not rows.any():
        raise CompareError(f"There is no {word!r}: choose {_some(sorted(set(values)))}.")
    return name, rows


def _is(version: str, value: str) -> bool:
    """Whether a version is, to a point, the value: 2.13 is "torch 2.13.0+cpu", and 2.1 is not."""
    return bool(value and re.search(rf"(?:^|\s){re.escape(value)}(?![0-9a-z])", version.lower()))


def _of_one_origin(rows: pd.DataFrame, words: str) -> pd.DataFrame:
    """The rows of the only origin; what was measured, where there are several."""
    origins = sorted(set(rows["origin"]))
    chosen = "measured" if "measured" in origins else origins[0]
    if len(origins) > 1 and chosen != "measured":
        raise CompareError(f"{words!r} is {' and '.join(origins)}: say which, like {words},origin={origins[0]}.")
    return rows[rows["origin"] == chosen].reset_index(drop=True)


def _no_profile(rows: pd.DataFrame, words: str) -> None:
    if (rows["study"] == STUDY_WITHOUT_IMAGES).all():
        raise CompareError(f"{words!r} is a profile of operators, which shows no images: choose a run of the suite.")


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def filtered(found: Sequence[Found], given: Mapping[str, Sequence[str]]) -> list[Found]:
    """The sides with only the instances that were asked for.

    `given` has names of values by column (model, framework, delegate, quantization), none for all of them; in any case,
    hyphens or underscores alike, several with commas. Raises CompareError, with the choices, where a name is unknown,
    and where nothing is left of a side.
    """
    orders = {"model": MODELS, "delegate": DELEGATES, "quantization": QUANTIZATIONS}
    for column, names in given.items():
        there = {str(one) for side in found for one in side.instances[column]}
        wanted = choose(column, names, in_order(there, orders.get(column, [])))
        found = [
            Found(one.words, one.folder, one.instances[one.instances[column].isin(wanted)], one.devices)
            for one in found
        ]
    for one in found:
        if one.instances.empty:
            asked = ", ".join(f"{column} {'/'.join(names)}" for column, names in given.items() if names)
            raise CompareError(f"{one.words!r} has no instance of {asked}: ask for others, or for fewer things.")
    return list(found)


def choose(kind: str, given: Sequence[str], choices: Sequence[str]) -> list[str]:
    """The choices that were named, or all of them if none was; CompareError if a name is unknown."""
    plain = {_plain(one): one for one in choices}
    named = [part.strip() for one in given for part in one.split(",")]
    for name in named:
        if _plain(name) not in plain:
            raise CompareError(f"{kind.capitalize()} {name!r} is unknown: choose from {', '.join(choices)}.")
    chosen = {plain[_plain(name)] for name in named}
    return [one for one in choices if one in chosen] or list(choices)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
