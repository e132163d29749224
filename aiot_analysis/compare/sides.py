"""The two sides of a comparison: the expression that selects one, its rows, runs and images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.errors import CompareError
from aiot_analysis.stats import variance
from aiot_analysis.tables import names, select, storage, validity
from aiot_analysis.tables.by_device import DeviceRecords
from aiot_analysis.tables.names import DELEGATES, MODELS, QUANTIZATIONS, in_order
from aiot_analysis.tables.workspace import find as find_tables
from aiot_analysis.tables.workspace import tables_upwards
from aiot_analysis.words import plural
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TIMES = [f"{column}_{statistic}" for column in names.TIMES.values() for statistic in ("mean", "median")]
"""Columns of the table `instances` that are averaged over the runs of a session."""


IMAGE_COLUMNS = [*select.KEY, "query", "image", "correct", "inference_ms", "end_to_end_ms", "failed"]
"""Columns of the table `images` that a comparison reads."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a device, a run, a version or a fleet."""

    rows: pd.DataFrame  # rows of the table `instances`, one per device x instance; see select.measured_rows
    left_out: pd.DataFrame  # rows excluded by select.measured_rows, with the reason
    images: pd.DataFrame | Iterable[pd.DataFrame]  # image records, or parts of them by device
    runs: pd.DataFrame  # usable rows measured under the same conditions as `rows`, which they include
    unlike: pd.DataFrame  # runs measured under other conditions: columns device_id, instance_id, runs, reason

    @property
    def devices(self) -> list[str]:
        return sorted(set(self.rows["device_id"].astype(str)))


def build_side(
    instances: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str,
    wanted: str = ",".join(names.USABLE),
) -> Side:
    """Return a side made of rows of the table `instances`, with the latest usable run of each device and instance.

    All rows get a column `session` (see `variance.sessions`). Raises DataError for an unknown verdict.
    """
    instances = instances.assign(session=variance.sessions(instances))
    needs = [f"{select.time_column(timing)}_mean"]
    rows, left_out = select.measured_rows(instances, needs, by_framework=True, wanted=wanted)
    usable = select.usable_rows(instances, needs, wanted)
    conditions = _ways(rows)
    runs = usable[_ways(usable).isin(conditions)].drop_duplicates(["device_id", "instance_id", "run_id"])
    is_extra_run = left_out.set_index(select.KEY).index.isin(runs.set_index(select.KEY).index)
    left_out = left_out[~is_extra_run].reset_index(drop=True)
    return Side(rows, left_out, images, runs.reset_index(drop=True), _unlike(usable, runs, rows))


def over_sessions(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the averages over sessions of `Side.runs`, with one row per device x instance x session.

    Times are geometric means over the runs of the session, `accuracy` is the arithmetic mean, and `count` is the number
    of runs. All other columns are those of the latest run of the session.
    """
    key = ["device_id", "instance_id", "session"]
    positive = runs[TIMES].astype(float).where(runs[TIMES] > 0)
    groups = runs.assign(**{column: np.log(positive[column]) for column in TIMES}, count=1).groupby(key, sort=False)
    means = groups[[*TIMES, "accuracy"]].mean().assign(count=groups["count"].sum())
    means[TIMES] = np.exp(means[TIMES].astype(float))
    latest = runs.sort_values("run_id").drop_duplicates(key, keep="last").drop(columns=[*TIMES, "accuracy"])
    return latest.merge(means.reset_index(), on=key)


def describe_counts(runs: pd.DataFrame) -> str:
    """Return the number of sessions and runs in rows of `Side.runs` as text, such as "2 sessions (6 runs)"."""
    distinct_runs = runs.drop_duplicates(["device_id", "run_id"])
    sessions = len(distinct_runs.drop_duplicates(["device_id", "session"]))
    return f"{plural(sessions, 'session')} ({plural(len(distinct_runs), 'run')})"


def _unlike(usable: pd.DataFrame, runs: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `Side.unlike`: how many runs of an instance differ from the representative one, and in which fields."""
    key = ["device_id", "instance_id"]
    fields = [*select.SAME_INSTANCE, "profile"]
    other_rows = usable[~usable.set_index(select.KEY).index.isin(runs.set_index(select.KEY).index)]
    pairs = other_rows[[*key, *fields]].merge(rows[[*key, *fields]], on=key, suffixes=("", "_of_rows"))
    words = []
    for row in pairs.to_dict("records"):
        values = {field: (row[field], row[f"{field}_of_rows"]) for field in fields}
        differs = {field: pair for field, pair in values.items() if str(pair[0]) != str(pair[1])}
        differences = (f"{field.replace('_', ' ')} {short(a)}, not {short(b)}" for field, (a, b) in differs.items())
        words.append("; ".join(differences))
    return pairs[key].assign(reason=words).groupby([*key, "reason"]).size().rename("runs").reset_index()


def short(value: Any) -> str:
    """Return a value as text; long values, such as hashes, are shortened to their first characters."""
    text = "none" if pd.isna(value) else str(value)
    return text if len(text) <= 40 else f"{text[:8]}…"


def _ways(rows: pd.DataFrame) -> pd.Series:
    """Return the measurement conditions of each row and its device, combined into one text."""
    return select.ways(rows) + "|" + rows["device_id"].astype(str) if len(rows) else pd.Series(dtype=str)


KINDS = ("folder", "device", "run")
FIELDS = ("threads", "profile", "conditions", "weights", "dataset", "resize", "study", "origin")
"""Columns of the table `instances` that can be selected, as in threads=4, in addition to the frameworks."""
SHOWN = 8  # maximum number of choices listed in an error
NOTHING = "none"  # stands for null
STUDY_WITHOUT_IMAGES = "profile"


@dataclass(frozen=True)
class SideSource:
    """Rows selected by the expression of a side, of one origin."""

    words: str
    folder: Path
    instances: pd.DataFrame
    devices: pd.DataFrame

    def side(self, timing: str, wanted: str) -> Side:
        """Return the side for statistics, with image records that are read on demand."""
        device_ids = tuple(sorted(set(self.instances["device_id"])))
        runs = sorted(set(self.instances["run_id"]))
        origin = str(self.instances["origin"].iloc[0])
        images = DeviceRecords(self.folder, origin, device_ids, tuple(IMAGE_COLUMNS), {"run_id": runs})
        # a study that was selected explicitly is compared like the suite
        return build_side(self.instances.assign(study=None), images, timing, wanted)


def find(words: str, processed: Path) -> SideSource:
    """Return the rows selected by an expression.

    `processed` is the default folder; folders are located as in `load`. Raises CompareError, with the choices, if a
    word is unknown or ambiguous, and DataError if tables are missing or damaged.
    """
    parts = [part.strip() for part in words.split(",")]
    if not all(parts):
        raise CompareError(f"{words!r} is not a side: give a device, a run, a folder or a version like pytorch=2.13.")
    folders = list(dict.fromkeys(path for part in parts if (path := _folder(part))))
    if len(folders) > 1:
        raise CompareError(f"{words!r} names {len(folders)} folders: give one folder per side.")
    folder = find_tables(folders[0] if folders else processed)
    instances = validity.read(folder)
    devices = storage.read("devices", folder)
    selections: dict[str, pd.Series] = {}
    for part in parts:
        if _folder(part):
            continue
        kind, named = _meant(part, instances, devices, folder)
        selections[kind] = selections[kind] | named if kind in selections else named
    chosen = pd.Series(True, index=instances.index)
    for selection in selections.values():
        chosen &= selection
    if "run" not in selections and "study" not in selections:
        chosen &= instances["study"].isna()
    if not chosen.any():
        raise CompareError(f"No instance in {folder} matches all parts of {words!r}: remove one of them.")
    rows = _of_one_origin(instances[chosen].reset_index(drop=True), words)
    _no_profile(rows, words)
    side_devices = devices[devices["device_id"].isin(rows["device_id"]) & (devices["origin"] == rows["origin"].iloc[0])]
    return SideSource(words, folder, rows, side_devices.reset_index(drop=True))


def _folder(word: str) -> Path | None:
    """Return the folder with tables that a word names, or None if it names something else."""
    kind, _, name = word.partition(":")
    if kind == "folder" and name:
        return tables_upwards(name, Path.cwd()) or Path(name)
    folder = tables_upwards(word, Path.cwd())
    return folder if folder and (folder / "instances.parquet").is_file() else None


def _meant(word: str, instances: pd.DataFrame, devices: pd.DataFrame, folder: Path) -> tuple[str, pd.Series]:
    """Return the kind of a word and the rows that it selects."""
    if "=" in word:
        return _setting(word, instances)
    kind, colon, name = word.partition(":")
    if colon and kind in KINDS and name:
        word = name
    elif colon:
        raise CompareError(
            f"{word!r} starts with an unknown kind: use one of {', '.join(f'{text}:' for text in KINDS)}."
        )
    else:
        kind = ""
    if kind != "run" and (device_ids := _device(word, devices)):
        return "device", instances["device_id"].isin(device_ids)
    if kind != "device" and (run := _run(word, instances)):
        return "run", instances["run_id"] == run
    if kind != "run" and (
        device_id := _only(word, [text for text in _ids(devices) if text.lower().startswith(word.lower())])
    ):
        return "device", instances["device_id"] == device_id
    if "/" in word:
        rawlog.existing_folder(word, "run `aiot process`, or name a device or a run", CompareError)
        raise CompareError(
            f"{word} is not a folder of processed tables: run `aiot process`, or name a device or a run."
        )
    listed = [f"devices {_some(_ids(devices))}"] if kind != "run" else []
    if kind != "device":
        listed.append(f"runs {_some(sorted(set(instances['run_id']), reverse=True))}")
    raise CompareError(f"{folder} has no {kind or 'device or run'} {word!r}: choose from {', '.join(listed)}.")


def _ids(devices: pd.DataFrame) -> list[str]:
    return sorted(set(devices["device_id"].astype(str)))


def _device(word: str, devices: pd.DataFrame) -> list[str]:
    """Return the device with this id, model, or maker and model, ignoring case; an empty list if there is none."""
    lowered = word.lower()
    ids = [item for item in _ids(devices) if item.lower() == lowered]
    if ids:
        return ids
    text = devices[["device_id", "maker", "model"]].fillna("").astype(str)
    names = text.assign(both=text["maker"] + " " + text["model"])[["model", "both"]].apply(
        lambda item: item.str.lower()
    )
    named = sorted(set(text[(names == lowered).any(axis=1)]["device_id"]))
    return [item] if (item := _only(word, named)) else []


def _run(word: str, instances: pd.DataFrame) -> str:
    """Return the run whose id starts with the word, or whose part after the hyphen is the word; "" if there is none."""
    ids = sorted(set(instances["run_id"].astype(str)))
    exact = [run_id for run_id in ids if run_id.lower() == word.lower()]
    lowered = word.lower()
    return _only(
        word,
        exact
        or [run_id for run_id in ids if run_id.lower().startswith(lowered) or run_id.lower().endswith(f"-{lowered}")],
    )


def _only(word: str, matches: Sequence[str]) -> str:
    """Return the only match, or "" if there is none. Raises CompareError for several."""
    if len(matches) > 1:
        raise CompareError(f"{word!r} is ambiguous, with {len(matches)} matches: choose one of {_some(matches)}.")
    return matches[0] if matches else ""


def _setting(word: str, instances: pd.DataFrame) -> tuple[str, pd.Series]:
    """Return the rows with a given value of a field or version of a framework, and the kind of the selection."""
    name, _, value = (part.strip().lower() for part in word.partition("="))
    frameworks = {text.lower(): text for text in set(instances["framework"])}
    if name in frameworks:
        is_framework = instances["framework"] == frameworks[name]
        versions = instances["framework_version"].where(is_framework)
        available = sorted(set(versions.dropna().astype(str)))
        version = _only(
            word,
            [text for text in available if text.lower() == value] or [text for text in available if _is(text, value)],
        )
        if not version:
            raise CompareError(
                f"There is no {word!r}: the versions of {frameworks[name]} are {_some(available) or 'unknown'}."
            )
        return f"{name}=", versions == version
    if name not in FIELDS:
        choices = ", ".join([*FIELDS, *sorted(frameworks.values())])
        raise CompareError(f"{name!r} of {word!r} is neither a setting nor a framework: choose {choices}.")
    values = instances[name].astype("object").where(instances[name].notna(), NOTHING).astype(str)
    rows = values.str.lower() == value
    if not rows.any():
        raise CompareError(f"There is no {word!r}: choose {_some(sorted(set(values)))}.")
    return name, rows


def _is(version: str, value: str) -> bool:
    """Return whether a version matches the value up to a separator: "torch 2.13.0+cpu" matches 2.13 but not 2.1."""
    return bool(value and re.search(rf"(?:^|\s){re.escape(value)}(?![0-9a-z])", version.lower()))


def _of_one_origin(rows: pd.DataFrame, words: str) -> pd.DataFrame:
    """Return the rows of the only origin, or the measured rows if there are several origins."""
    origins = sorted(set(rows["origin"]))
    chosen = "measured" if "measured" in origins else origins[0]
    if len(origins) > 1 and chosen != "measured":
        raise CompareError(
            f"{words!r} has {' and '.join(origins)} data: choose an origin, like {words},origin={origins[0]}."
        )
    return rows[rows["origin"] == chosen].reset_index(drop=True)


def _no_profile(rows: pd.DataFrame, words: str) -> None:
    if (rows["study"] == STUDY_WITHOUT_IMAGES).all():
        raise CompareError(
            f"{words!r} is a profile of operators, which has no results for images: choose a run of the suite."
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def filtered(sides: Sequence[SideSource], selections: Mapping[str, Sequence[str]]) -> list[SideSource]:
    """Return the sides restricted to the selected instances.

    `selections` has the selected values by column (model, framework, delegate, quantization); an empty list selects all
    values. Case is ignored, hyphens and underscores are equivalent, and several values are separated by commas. Raises
    CompareError, with the choices, if a name is unknown, and if no instance of a side is left.
    """
    orders = {"model": MODELS, "delegate": DELEGATES, "quantization": QUANTIZATIONS}
    for column, values in selections.items():
        available = {str(item) for side in sides for item in side.instances[column]}
        wanted = choose(column, values, in_order(available, orders.get(column, [])))
        sides = [
            SideSource(item.words, item.folder, item.instances[item.instances[column].isin(wanted)], item.devices)
            for item in sides
        ]
    for item in sides:
        if item.instances.empty:
            selection = ", ".join(f"{column} {'/'.join(values)}" for column, values in selections.items() if values)
            raise CompareError(f"{item.words!r} has no instance of {selection}: choose other values, or fewer of them.")
    return list(sides)


def choose(kind: str, names: Sequence[str], choices: Sequence[str]) -> list[str]:
    """Return the choices that were named, or all choices if none was. Raises CompareError for an unknown name."""
    plain = {_plain(item): item for item in choices}
    named = [part.strip() for item in names for part in item.split(",")]
    for name in named:
        if _plain(name) not in plain:
            raise CompareError(f"{kind.capitalize()} {name!r} is unknown: choose from {', '.join(choices)}.")
    chosen = {plain[_plain(name)] for name in named}
    return [item for item in choices if item in chosen] or list(choices)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
