"""Published answers for readers: opening their page, and the finding of each of its sections in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.display.reading import how_to_read
from aiot_analysis.display.show import banner, say
from aiot_analysis.stats import answer_sets
from aiot_analysis.tables import names, select
from aiot_analysis.tables.data import Data, load
from aiot_analysis.tables.workspace import FOLDER
from aiot_analysis.words import ALPHA, listed, minus, p_value, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aiot_analysis.stats.answer_sets import ChosenPair, NetworkAnswers, Samples

NO_ANSWERS = "No answers to single images were published for these devices."
COPIED = (
    "Equal answers do not prove that these devices compute alike: accuracy logs of a round can be equal byte for byte, "
    "so it cannot be excluded that a log was copied."
)


@dataclass(frozen=True)
class AnswersPage:
    """Data of the page on published answers."""

    data: Data
    rows: pd.DataFrame  # rows of the table `instances` whose answers were published
    networks: list[NetworkAnswers]

    @property
    def source(self) -> str:
        """Line below each figure that states the origin of its data."""
        return names.origin_words(self.rows) if len(self.rows) else self.data.origin


def open_answers(
    processed: str | Path = FOLDER,
    origin: str = "published",
    *,
    device: str = "",
    verdicts: str = ",".join(names.USABLE),
) -> AnswersPage:
    """Load the processed tables, display their origin, and collect the answers of all submissions to each network.

    Parameters are those of `notebook_page.open_page`. Raises DataError if the tables are missing or a value is unknown.
    """
    data = load(processed, origin, devices=device)
    rows = select.usable_rows(data.instances, wanted=verdicts)
    images = data.images(answer_sets.COLUMNS)
    networks = answer_sets.collect(rows, images, data.devices)
    compared = pd.concat([rows[select.KEY].head(0), *(network.submissions[select.KEY] for network in networks)])
    answered = rows.merge(images[select.KEY].drop_duplicates().astype(str), on=select.KEY)
    rows = rows.merge(compared, on=select.KEY)
    data = data[sorted(set(answered["device_id"]))] if len(answered) else data
    banner(data, rows)
    how_to_read()
    apart = answered[~pd.MultiIndex.from_frame(answered[select.KEY]).isin(pd.MultiIndex.from_frame(compared))]
    if len(apart):
        which = ", ".join(f"{row.instance_id} of {row.run_id}" for row in apart.itertuples(index=False))
        say(
            f"{plural(len(apart), 'submission')} with answers to other images, or with other labels of the images, "
            f"cannot be compared with the others: {which}."
        )
    say(f"All answers on this page were {names.with_retrieval(names.origin_words(rows), rows)}." if len(rows) else "")
    return AnswersPage(data, rows, networks)


def accuracies(table: pd.DataFrame) -> str:
    """Return the range of accuracy of each network. Takes the frame of `answer_sets.accuracies`."""
    if table.empty:
        return NO_ANSWERS
    parts = []
    for model, rows in table.groupby("model", sort=False):
        low, high = 100 * rows["accuracy"].min(), 100 * rows["accuracy"].max()
        parts.append(
            f"{names.display(str(model))} is right on {_range(low, high)}% of {rows['n_images'].iloc[0]:,} images"
        )
    return f"{listed(parts)}."


def _range(low: float, high: float) -> str:
    ends = [f"{value:.1f}" for value in (low, high)]
    return " to ".join(dict.fromkeys(ends))


def disagreements(table: pd.DataFrame) -> str:
    """Return how many images get different classes. Takes the frame of `answer_sets.pairs`."""
    if table.empty:
        return "There are no two different answer sets."
    parts = []
    for model, rows in table.groupby("model", sort=False):
        least, most = int(rows["differ"].min()), int(rows["differ"].max())
        ends = f"{least:,} to {most:,}" if least < most else f"{most:,}"
        parts.append(f"{ends} of {rows['n_images'].iloc[0]:,} images for {names.display(str(model))}")
    text = f"That is {listed(parts)}."
    same = table[(table["change"] == 0) & (table["differ"] > 0)]
    for row in same.to_dict("records"):
        text += (
            f" Sets {row['set_a']} and {row['set_b']} of {names.display(row['model'])} are right equally often and "
            f"still differ on {row['differ']:,} images."
        )
    return text


def sets(table: pd.DataFrame) -> str:
    """Return how many distinct answer sets there are. Takes the frame of `answer_sets.distinct_sets`."""
    if table.empty:
        return NO_ANSWERS
    largest = table.sort_values("submissions", kind="stable").iloc[-1]
    text = (
        f"The {plural(int(table['submissions'].sum()), 'submission')} have {plural(len(table), 'distinct answer set')}."
    )
    if largest["submissions"] > 1:
        text += (
            f" The most common, {largest['answer_set']} of {names.display(largest['model'])}, belongs to "
            f"{largest['submissions']} submissions of {plural(int(largest['devices']), 'device')}, which gave the very "
            f"same {largest['n_images']:,} answers. {COPIED}"
        )
    return text


def classes(table: pd.DataFrame) -> str:
    """Return how many images are unstable. Takes the frames of `answer_sets.classes`, joined."""
    parts = []
    for model, rows in table.groupby("model", sort=False):
        unstable, n = int(rows["unstable"].sum()), int(rows["n_images"].sum())
        parts.append(
            f"{names.display(str(model))}: answers differ on {unstable:,} of {n:,} images ({100 * unstable / n:.1f}%); "
            f"{int((rows['unstable'] == 0).sum())} of {len(rows)} classes have none"
        )
    return ". ".join(parts) + "." if parts else NO_ANSWERS


def images(networks: Sequence[NetworkAnswers]) -> str:
    """Return the image on which most answer sets of each network disagree."""
    parts = []
    for network in networks:
        table = answer_sets.disputed_images(network, 1)
        if len(table):
            first = table.iloc[0]
            parts.append(
                f"{names.display(network.model)}: {first['image']} ({first['class_name']}) got "
                f"{first['different']} different classes from {plural(len(network.sets), 'answer set')}"
            )
    return ". ".join(parts) + "." if parts else "No image has different answers."


def draw_samples(
    networks: Sequence[NetworkAnswers], draws: int, seed: int, n_classes: int, per_class: int
) -> list[Samples]:
    """Return samples of the images of each network (see `answer_sets.sample`); say where there are too few images."""
    drawn = []
    for network in networks:
        try:
            drawn.append(answer_sets.sample(network, draws, seed, n_classes, per_class))
        except answer_sets.TooFewImages as error:
            say(f"{names.display(network.model)}: {error}")
    return drawn


def samples(table: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Return how often samples of images show that answers differ, and that accuracies do.

    Takes the frames of `answer_sets.spreads` and `answer_sets.seen_in_samples`.
    """
    table = table[table["sets"] > 1]
    if table.empty:
        return "There are no samples of two different answer sets."
    drawn = pairs.dropna(subset=["shown"])
    real = drawn[drawn["p_adjusted"] < ALPHA]
    least = _probability(drawn["shown"].min())
    least = least if least.startswith("over") else f"at least {least}"
    text = (
        f"A sample has different answers of any two of these sets with a probability of {least}. On all images, "
        f"{len(real) or 'none'} of {plural(len(drawn), 'pair')} of sets {'differs' if len(real) == 1 else 'differ'} "
        "significantly in accuracy (tests corrected together)"
    )
    if real.empty:
        return f"{text}."
    found = 100 * real["significant"]
    return (
        f"{text}; a test on a sample alone finds such a difference in {_range(found.min(), found.max())}% of samples."
    )


def of_pair(
    chosen: ChosenPair | None, pairs: pd.DataFrame, samples: Sequence[Samples]
) -> tuple[pd.DataFrame, Samples | None]:
    """Return the row of a pair in the frame of `answer_sets.seen_in_samples`, and the samples of its network.

    There is no row if both gave the same answers, and neither if there is no pair.
    """
    if chosen is None:
        return pairs.head(0), None
    return chosen.of(pairs), next((item for item in samples if item.network is chosen.network), None)


def pair(chosen: ChosenPair | None, table: pd.DataFrame, drawn: Samples | None) -> str:
    """Return what all images and what samples of them show of a pair.

    Takes the pair, its row of `answer_sets.seen_in_samples` and the samples, all as from `of_pair`.
    """
    if chosen is None:
        return "There are no two submissions of one network."
    network, n = names.display(chosen.network.model), len(chosen.network.images)
    if table.empty:
        return f"{chosen.a} and {chosen.b} gave the same answers to all {n:,} images of {network}. {COPIED}"
    row = table.iloc[0]
    low, high = 100 * row["change_low"], 100 * row["change_high"]
    text = (
        f"{chosen.a} and {chosen.b} give different classes to {row['differ']:,} of {n:,} images of {network} "
        f"({100 * row['differ'] / n:.1f}%). Their accuracies, {100 * row['accuracy_base']:.2f} and "
        f"{100 * row['accuracy_other']:.2f}%, {'differ' if row['p_value'] < ALPHA else 'do not differ'} significantly: "
        f"{100 * row['change']:+.2f} points ({low:+.2f} to {high:+.2f}; McNemar's test, p {p_value(row['p_value'])})."
    )
    if drawn is None:
        return minus(text)
    return minus(
        f"{text} A sample of {drawn.size} images has {row['differ_sample']:.0f} with different classes on average; in "
        f"95% of samples, the difference in accuracy is between {row['change_sample_low']:+.1f} and "
        f"{row['change_sample_high']:+.1f} points."
    )


def _probability(value: float) -> str:
    return f"{100 * value:.2f}%" if value < 0.9999 else "over 99.99%"
