"""Published answers of several devices to the same images: which agree, and what a small sample of images shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import binom

from aiot_analysis.errors import DataError
from aiot_analysis.stats import accuracy
from aiot_analysis.stats.pairing import NONE, counts
from aiot_analysis.tables import names, select
from aiot_analysis.words import ALPHA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COLUMNS = ["run_id", "device_id", "instance_id", "query", "image", "label", "top1"]
"""The columns of image records that are used here."""
KEPT = ["run_id", "device_id", "instance_id", "framework", "framework_version", "submitter", "publisher", "publication"]
KEPT += ["address", "retrieved", "dataset", "origin"]
CLASSES, PER_CLASS, DRAWS = 100, 5, 10_000
"""The sample of the paper (Section III-A), and the number of samples that are drawn."""
AT_ONCE = 1000  # samples in memory


@dataclass(frozen=True)
class NetworkAnswers:
    """Answers to one network by k submissions, of any devices and rounds, on the same n images.

    On an image that failed, a submission differs from those that gave it a class.
    """

    model: str
    submissions: pd.DataFrame  # k rows: KEPT, soc, sdk, `submission` (its name here) and `answer_set` (a letter)
    images: list[str]  # n, in order of name
    labels: Ints  # (n,)
    top1: Ints  # (n, k); the class, or pairing.NONE

    @property
    def sets(self) -> list[str]:
        """Return the letters of the distinct answer sets, in the order of their first submission."""
        return list(dict.fromkeys(self.submissions["answer_set"]))

    @property
    def answers(self) -> Ints:
        """Return the answers of each distinct set, (n, sets)."""
        first = ~self.submissions["answer_set"].duplicated()
        return self.top1[:, first.to_numpy()]

    @property
    def correct(self) -> Bools:
        """Return whether each distinct set is right, (n, sets)."""
        right: Bools = self.answers == self.labels[:, None]
        return right


def collect(instances: pd.DataFrame, images: pd.DataFrame, devices: pd.DataFrame) -> list[NetworkAnswers]:
    """Return the answers to each network, from rows of the table `instances` and image records with COLUMNS.

    All submissions are kept, also several of one device. They are in order of submitter, SDK version or round, and
    chip. Of each network, the largest group of submissions that saw the same images with the same labels is used.
    Instances without image records are not. Raises PoolingError if rows have different origins.
    """
    select.check(instances, ["origin"])
    labels = names.devices(devices)
    chips = devices.set_index("device_id")["soc"]
    records = select.image_rows(images, instances).sort_values("query", kind="stable")
    records = records.drop_duplicates([*select.KEY, "image"])
    seen = records[select.KEY].drop_duplicates().astype(str)
    rows = instances[["model", *KEPT]].merge(seen, on=select.KEY)
    rows = rows.assign(device=rows["device_id"].map(labels), soc=rows["device_id"].map(chips), sdk=_sdk(rows))
    order = ["submitter", "publication", "sdk", "soc", "device"]
    rows = rows.sort_values(order, na_position="first", kind="stable", ignore_index=True)
    return [_of_network(str(model), part, records) for model, part in rows.groupby("model")]


def _sdk(rows: pd.DataFrame) -> pd.Series:
    """Return the framework of each row, with the number of its version if that is stated."""
    versions = (
        rows["framework_version"]
        .astype("object")
        .map(lambda text: next(iter(re.findall(r"\d+(?:\.\d+)+", text)), "") if isinstance(text, str) else "")
    )
    return (rows["framework"].map(names.framework) + " " + versions).str.strip()


def _of_network(model: str, rows: pd.DataFrame, records: pd.DataFrame) -> NetworkAnswers:
    rows = rows.reset_index(drop=True)
    keys = pd.MultiIndex.from_frame(rows[select.KEY])
    part = records[records["instance_id"].isin(rows["instance_id"])]
    column = keys.get_indexer(pd.MultiIndex.from_frame(part[select.KEY].astype(str)))
    part, column = part[column >= 0], column[column >= 0]
    image, image_names = pd.factorize(part["image"].astype("object"), sort=True)
    top1 = np.full((len(image_names), len(rows)), NONE)
    labels = np.full(top1.shape, NONE)  # NONE for images that a submission did not see
    top1[image, column] = part["top1"].to_numpy(np.int64, na_value=NONE)
    labels[image, column] = part["label"].to_numpy(np.int64)

    seen, _ = pd.factorize(pd.Series([labels_seen.tobytes() for labels_seen in labels.T]))
    same = seen == np.bincount(seen).argmax()
    labels = labels[:, same][:, 0]
    used = labels != NONE
    rows, top1 = rows[same].reset_index(drop=True), top1[used][:, same]
    codes, _ = pd.factorize(pd.Series([column.tobytes() for column in top1.T]))
    rows["answer_set"] = [_letter(int(code)) for code in codes]
    rows["submission"] = _submissions(rows)
    return NetworkAnswers(model, rows, list(np.asarray(image_names)[used]), labels[used], top1)


def _letter(number: int) -> str:
    """Return A, B, ..., Z, A2, B2, ..."""
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn + 1) if turn else "")


def _submissions(rows: pd.DataFrame) -> pd.Series:
    """Return a name for each row: the device, and the round if the device has several."""
    several = rows["device"].duplicated(keep=False)
    rounds = rows["publication"].fillna("").astype(str).str.rsplit(" ", n=1).str[-1]
    return rows["device"].where(~several, rows["device"] + ", " + rounds)


def accuracies(networks: Sequence[NetworkAnswers]) -> pd.DataFrame:
    """Return the accuracy of each submission with Wilson's 95% interval, one row per submission.

    Columns are model, submission, answer_set, accuracy with _low and _high (fractions of 1), correct, n_images, soc,
    sdk, submitter, publication, address and retrieved.
    """
    tables = [
        network.submissions.assign(
            model=network.model,
            n_images=len(network.images),
            correct=(network.top1 == network.labels[:, None]).sum(axis=0),
        )
        for network in networks
    ]
    columns = ["model", "submission", "answer_set", "accuracy", "accuracy_low", "accuracy_high", "correct", "n_images"]
    columns += ["soc", "sdk", "submitter", "publication", "address", "retrieved"]
    if not tables:
        return pd.DataFrame(columns=columns)
    rows = pd.concat(tables, ignore_index=True)
    rows["accuracy"] = rows["correct"] / rows["n_images"]
    return accuracy.with_interval(rows.assign(distinct_images=rows["n_images"]))[columns]


def disagreements(networks: Sequence[NetworkAnswers]) -> pd.DataFrame:
    """Return the number of images to which each two submissions of a network gave different classes.

    One row per ordered pair, also of a submission with itself, in the order of `submissions`. Columns are model,
    submission_a, submission_b, set_a, set_b, submitter_a, sdk_a (of the first), n_images and differ.
    """
    parts = []
    for network in networks:
        rows = network.submissions
        side = rows[["submission", "answer_set", "submitter", "sdk"]].rename(columns={"answer_set": "set"})
        table = side.add_suffix("_a").merge(side[["submission", "set"]].add_suffix("_b"), how="cross")
        differ = _differences(network)[np.ix_(*[_set_places(network)] * 2)]
        parts.append(table.assign(model=network.model, n_images=len(network.images), differ=differ.ravel()))
    columns = ["model", "submission_a", "submission_b", "set_a", "set_b", "submitter_a", "sdk_a", "n_images", "differ"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _differences(network: NetworkAnswers) -> Ints:
    """Return the number of images to which each two sets gave different classes, (sets, sets)."""
    answers = network.answers
    return np.array([(answers != answers[:, [column]]).sum(axis=0) for column in range(answers.shape[1])])


def _set_places(network: NetworkAnswers) -> Ints:
    """Return the place of the answer set of each submission."""
    return pd.Index(network.sets).get_indexer(pd.Index(network.submissions["answer_set"]))


def distinct_sets(networks: Sequence[NetworkAnswers]) -> pd.DataFrame:
    """Return the distinct answer sets, one row per network and set.

    Columns are model, answer_set, submissions and devices (numbers), which (the submissions), publications, n_images,
    correct and accuracy.
    """
    table = []
    for network in networks:
        for letter, part in network.submissions.groupby("answer_set", sort=False):
            right = network.correct[:, network.sets.index(str(letter))]
            table.append(
                {
                    "model": network.model,
                    "answer_set": letter,
                    "submissions": len(part),
                    "devices": part["device_id"].nunique(),
                    "which": "; ".join(part["submission"]),
                    "publications": names.publications(part["publication"]),
                    "n_images": len(right),
                    "correct": int(right.sum()),
                    "accuracy": float(right.mean()),
                }
            )
    columns = ["model", "answer_set", "submissions", "devices", "which", "publications", "n_images", "correct"]
    return pd.DataFrame(table, columns=[*columns, "accuracy"])


def classes(network: NetworkAnswers) -> pd.DataFrame:
    """Return how stable the answers to images of each class are, one row per class, the least stable first.

    Columns are model, label, class_name, n_images, unstable (images to which the sets gave different classes),
    instability (their share, with Wilson's 95% interval in _low and _high), accuracy_min and accuracy_max (over the
    sets).
    """
    answers = network.answers
    unstable = (answers != answers[:, [0]]).any(axis=1)
    label, place = np.unique(network.labels, return_inverse=True)
    n = np.bincount(place)
    count = np.bincount(place, unstable).astype(int)
    low, high = accuracy.wilson(count, n)
    right = np.array([np.bincount(place, column) / n for column in network.correct.T.astype(float)])
    table = pd.DataFrame(
        {
            "model": network.model,
            "label": label,
            "class_name": class_names().reindex(label).fillna("").to_numpy(),
            "n_images": n,
            "unstable": count,
            "instability": count / n,
            "instability_low": low,
            "instability_high": high,
            "accuracy_min": right.min(axis=0),
            "accuracy_max": right.max(axis=0),
        }
    )
    return table.sort_values(["instability", "label"], ascending=[False, True], ignore_index=True)


def disputed_images(network: NetworkAnswers, most: int = 20) -> pd.DataFrame:
    """Return the images to which the sets gave most different classes, at most `most` rows.

    Columns are model, image, class_name, label, different (number of distinct answers), minority (sets that did not
    give the most frequent answer), right (sets that are right) and answers, in words: each class and the sets that gave
    it. The order is by `different`, then `minority`.
    """
    answers = network.answers
    image, _, count = counts(answers)
    n = len(network.images)
    different = np.bincount(image, minlength=n)
    highest = np.zeros(n, np.int64)
    np.maximum.at(highest, image, count)
    minority = answers.shape[1] - highest
    chosen = np.lexsort((np.arange(n), -minority, -different))[:most]
    chosen = chosen[different[chosen] > 1]
    return _described(network, chosen, range(answers.shape[1])).assign(
        model=network.model,
        different=different[chosen],
        minority=minority[chosen],
        right=network.correct[chosen].sum(axis=1),
    )[["model", "image", "class_name", "label", "different", "minority", "right", "answers"]]


def _described(network: NetworkAnswers, chosen: Sequence[int] | Ints, columns: Sequence[int]) -> pd.DataFrame:
    """Return image, label, class_name and the answers of some sets in words, for the images at these places."""
    words = class_names()
    table = []
    for place in chosen:
        by_set = pd.Series(network.answers[place, columns], [network.sets[column] for column in columns])
        answers = [
            f"{', '.join(map(str, part.index))}: {words.get(answer, 'nothing' if answer == NONE else str(answer))}"
            for answer, part in by_set.groupby(by_set, sort=False)
        ]
        label = int(network.labels[place])
        row = {"image": network.images[place], "label": label, "class_name": words.get(label, str(label))}
        table.append({**row, "answers": "; ".join(answers)})
    return pd.DataFrame(table, columns=["image", "label", "class_name", "answers"])


def class_names() -> pd.Series:
    """Return the first name of each ImageNet class by label, from the list that the suite comes with."""
    with resources.as_file(resources.files("aiot_suite").joinpath("datasets", "imagenet_classes.csv")) as path:
        table = pd.read_csv(path, index_col="label")
    named = table["name"].str.split(", ").str[0]
    return named.where(~named.duplicated(keep=False), named + " (" + table["wnid"] + ")")


PAIR = ["model", "set_a", "set_b", "n_images", "differ", "differ_share", *accuracy.CHANGE[1:], "both", "neither"]


def pairs(networks: Sequence[NetworkAnswers]) -> pd.DataFrame:
    """Compare each two distinct sets of a network, image by image: one row per pair, the most different first.

    Columns are PAIR: differ (images with different classes) and their share; the accuracies; change (of b minus a) with
    its interval, only_base and only_other (images that only a and only b has right), and McNemar's p_value, as in
    `accuracy.change_of` with joint intervals; both and neither (images that both or none has right).
    """
    parts = []
    for network in networks:
        answers, correct, letters = network.answers, network.correct, network.sets
        for a, b in combinations(range(len(letters)), 2):
            right_a, right_b = correct[:, a], correct[:, b]
            cells = (right_a & right_b, right_a & ~right_b, right_b & ~right_a, ~(right_a | right_b))
            parts.append(
                {
                    "model": network.model,
                    "set_a": letters[a],
                    "set_b": letters[b],
                    "differ": int((answers[:, a] != answers[:, b]).sum()),
                    **{side: int(cell.sum()) for side, cell in zip(accuracy.SIDES, cells, strict=True)},
                }
            )
    if not parts:
        return pd.DataFrame(columns=PAIR)
    table = accuracy.change_of(pd.DataFrame(parts), together=True)
    table["differ_share"] = table["differ"] / table["n_images"]
    return table[PAIR].sort_values("differ", ascending=False, kind="stable", ignore_index=True)


class TooFewImages(DataError):
    """The published images do not suffice for a sample."""


@dataclass(frozen=True)
class Samples:
    """What many samples of images show of one network: each has the same images for all sets."""

    network: NetworkAnswers
    n_classes: int
    per_class: int
    right: Ints  # (draws, sets): images that a set has right
    differ: Ints  # (draws, pairs of sets, in the order of combinations): images with different classes
    discordant: Ints  # (draws, pairs): images that only one of the two has right

    @property
    def size(self) -> int:
        """Return the number of images in a sample."""
        return self.n_classes * self.per_class

    @property
    def spread(self) -> Floats:
        """Return the apparent spread of accuracy in each sample: highest minus lowest, in percentage points."""
        spread: Floats = 100 * np.ptp(self.right, axis=1) / self.size
        return spread

    @property
    def true_spread(self) -> float:
        """Return the spread of accuracy on all images, in percentage points."""
        return float(100 * np.ptp(self.network.correct.mean(axis=0)))

    def place(self, a: int, b: int) -> int:
        """Return the place of the pair of sets a and b, a before b, in `differ` and `discordant`."""
        return list(combinations(range(len(self.network.sets)), 2)).index((a, b))

    def change(self, pair: int) -> Floats:
        """Return the difference in accuracy of a pair of sets in each sample (b minus a), in percentage points."""
        a, b = self._sets(pair)
        change: Floats = 100 * (self.right[:, b] - self.right[:, a]) / self.size
        return change

    def significant(self, pair: int) -> Bools:
        """Return in which samples McNemar's exact test at 5% finds a difference in accuracy of a pair of sets."""
        a, b = self._sets(pair)
        n = self.discordant[:, pair]
        fewer = (n - np.abs(self.right[:, b] - self.right[:, a])) // 2
        is_critical: Bools = fewer <= _critical(int(n.max(initial=0)))[n]
        return is_critical

    def _sets(self, pair: int) -> tuple[int, int]:
        return list(combinations(range(len(self.network.sets)), 2))[pair]


def _critical(most: int) -> Ints:
    """Return for 0, 1, ..., `most` discordant images the largest smaller count that McNemar's exact test rejects."""
    n = np.arange(most + 1)
    tails = 2 * binom.cdf(n[None, :], n[:, None], 0.5)  # row: discordant images, column: smaller count
    largest: Ints = (tails < ALPHA).cumprod(axis=1).sum(axis=1) - 1
    return largest


def sample(
    network: NetworkAnswers,
    draws: int = DRAWS,
    seed: int = 0,
    n_classes: int = CLASSES,
    per_class: int = PER_CLASS,
) -> Samples:
    """Draw samples as the paper drew its own: `n_classes` classes at random, and `per_class` images of each.

    All sets answer the same sample. The same seed gives the same samples for each network with the same images.
    Raises TooFewImages if there are not so many classes with so many images, and DataError if a number is not positive.
    """
    for name, number in {"draws": draws, "classes": n_classes, "per_class": per_class}.items():
        if number < 1:
            raise DataError(f"{name} is {number}: give 1 or more.")
    columns = list(combinations(range(len(network.sets)), 2))
    answers, correct = network.answers, network.correct
    features = [correct[:, [column]] for column in range(len(network.sets))]
    features += [(answers[:, a] != answers[:, b])[:, None] for a, b in columns]
    features += [(correct[:, a] != correct[:, b])[:, None] for a, b in columns]
    table = np.hstack(features).astype(np.int32)
    seen = np.vstack([picks @ table for picks in _picks(network.labels, draws, seed, n_classes, per_class)])
    right, differ, discordant = np.split(seen, [len(network.sets), len(network.sets) + len(columns)], axis=1)
    return Samples(network, n_classes, per_class, right, differ, discordant)


def _picks(labels: Ints, draws: int, seed: int, n_classes: int, per_class: int) -> Iterator[csr_matrix]:
    """Yield samples as sparse matrices (samples, images) that are 1 for the images in a sample."""
    rng = np.random.default_rng(seed)
    order = np.argsort(labels, kind="stable")
    _, first, n = np.unique(labels[order], return_index=True, return_counts=True)
    large = n >= per_class
    if large.sum() < n_classes:
        raise TooFewImages(
            f"A sample of {n_classes} classes with {per_class} images each cannot be drawn, since only "
            f"{int(large.sum())} classes have so many images: draw fewer."
        )
    first, n = first[large], n[large]
    for start in range(0, draws, AT_ONCE):
        count = min(AT_ONCE, draws - start)
        chosen = _subsets(rng, np.full(count, len(n)), n_classes)
        places = _subsets(rng, n[chosen.ravel()], per_class) + first[chosen.ravel(), None]
        size = n_classes * per_class
        ends = np.arange(count + 1) * size
        yield csr_matrix((np.ones(count * size, np.int32), order[places.ravel()], ends), (count, len(labels)))


def _subsets(rng: np.random.Generator, n: Ints, size: int) -> Ints:
    """Return a random subset of range(n) of a given size for each n, by Floyd's method, as rows."""
    chosen = np.empty((len(n), size), np.int64)
    for column in range(size):
        last = n - size + column
        value = rng.integers(0, last, endpoint=True)
        taken = (chosen[:, :column] == value[:, None]).any(axis=1)
        chosen[:, column] = np.where(taken, last, value)
    return chosen


def spreads(samples: Sequence[Samples]) -> pd.DataFrame:
    """Return the apparent spread of accuracy between sets in samples beside the true one, one row per network.

    Columns are model, sets, size (images in a sample), draws, true_spread, spread (median of the samples) with
    spread_low and spread_high (the range of 95% of the samples), all in percentage points, and larger (share of the
    samples that show a larger spread than the true one).
    """
    table = []
    for item in samples:
        low, high = np.quantile(item.spread, [ALPHA / 2, 1 - ALPHA / 2])
        table.append(
            {
                "model": item.network.model,
                "sets": len(item.network.sets),
                "size": item.size,
                "draws": len(item.spread),
                "true_spread": item.true_spread,
                "spread": float(np.median(item.spread)),
                "spread_low": float(low),
                "spread_high": float(high),
                "larger": float((item.spread > item.true_spread).mean()),
            }
        )
    columns = ["model", "sets", "size", "draws", "true_spread", "spread", "spread_low", "spread_high", "larger"]
    return pd.DataFrame(table, columns=columns)


def spread_counts(samples: Sequence[Samples]) -> pd.DataFrame:
    """Return how many samples show each spread of accuracy: model, spread (percentage points), samples and share."""
    parts = [_counted(item.spread, "spread").assign(model=item.network.model) for item in samples]
    columns = ["model", "spread", "samples", "share"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def change_counts(chosen: ChosenPair, samples: Samples) -> pd.DataFrame:
    """Return how many samples show each difference in accuracy of a pair.

    Columns are change (b minus a, percentage points), samples and share, and significant (share of all samples that
    show this difference and in which McNemar's exact test at 5% finds one). Empty if both gave the same answers.
    """
    if chosen.set_a == chosen.set_b:
        return pd.DataFrame(columns=["change", "samples", "share", "significant"])
    pair = samples.place(*chosen.columns)
    table = _counted(samples.change(pair), "change")
    significant = _counted(samples.change(pair)[samples.significant(pair)], "change").set_index("change")["samples"]
    return table.assign(significant=table["change"].map(significant).fillna(0) / table["samples"].sum())


def _counted(values: Floats, name: str) -> pd.DataFrame:
    value, count = np.unique(values.round(6), return_counts=True)
    return pd.DataFrame({name: value, "samples": count, "share": count / max(len(values), 1)})


def detection_probability(marked: Bools, labels: Ints, n_classes: int = CLASSES, per_class: int = PER_CLASS) -> float:
    """Return the exact probability that a sample has at least one of the marked images.

    A sample has `per_class` images of each of `n_classes` classes. With m of the n images of a class marked, none of
    its images in the sample is marked with the probability q = C(n - m, per_class) / C(n, per_class). The probability
    of none in the sample is the mean, over all choices of classes, of the product of their q.
    """
    _, place, n = np.unique(labels, return_inverse=True, return_counts=True)
    m = np.bincount(place, marked, len(n))[n >= per_class]
    n = n[n >= per_class]
    none = np.prod([np.maximum(n - m - step, 0) / (n - step) for step in range(per_class)], axis=0)
    mean = np.zeros(n_classes + 1)  # mean, over the choices of 0, 1, ... of the classes so far, of the product
    mean[0] = 1.0
    for number, q in enumerate(none, start=1):
        share = np.arange(n_classes + 1) / number  # probability that a choice of so many has this class
        mean[1:] = np.maximum(1 - share[1:], 0) * mean[1:] + np.minimum(share[1:], 1) * q * mean[:-1]
    return float(1 - mean[-1])


SEEN = ["differ_sample", "shown", "significant", "change_sample_low", "change_sample_high"]


def seen_in_samples(table: pd.DataFrame, samples: Sequence[Samples]) -> pd.DataFrame:
    """Return the frame of `pairs` with what samples show of each pair.

    Added are differ_sample (mean number of images in a sample with different classes), shown (probability that a sample
    has such an image: see `detection_probability`), significant (share of the samples in which McNemar's exact test at
    5% finds a difference in accuracy), and change_sample_low and change_sample_high (range of the difference in 95%
    of samples, in percentage points). They are null for networks of which there are no samples.
    """
    of_model = {item.network.model: item for item in samples}
    rows: list[tuple[float, ...]] = []
    for row in table.to_dict("records"):
        item = of_model.get(row["model"])
        if item is None:
            rows.append((np.nan,) * len(SEEN))
            continue
        network = item.network
        a, b = (network.sets.index(row[side]) for side in ("set_a", "set_b"))
        pair = item.place(a, b)
        marked = network.answers[:, a] != network.answers[:, b]
        exact = detection_probability(marked, network.labels, item.n_classes, item.per_class)
        ends = np.quantile(item.change(pair), [ALPHA / 2, 1 - ALPHA / 2])
        rows.append((float(item.differ[:, pair].mean()), exact, float(item.significant(pair).mean()), *ends))
    return table.reset_index(drop=True).join(pd.DataFrame(rows, columns=SEEN))


@dataclass(frozen=True)
class ChosenPair:
    """Two submissions of a network that are compared in detail."""

    network: NetworkAnswers
    a: str  # names of submissions
    b: str
    set_a: str  # their answer sets, a before b in the order of the sets; equal if they gave the same answers
    set_b: str

    @property
    def columns(self) -> tuple[int, int]:
        """Return the places of the two sets in the answers of the network."""
        return self.network.sets.index(self.set_a), self.network.sets.index(self.set_b)

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the row of the two sets in a frame with the columns of `pairs`, with intervals for it alone.

        There is no row if they gave the same answers.
        """
        keys = ["model", "set_a", "set_b"]
        row = table[(table[keys] == [self.network.model, self.set_a, self.set_b]).all(axis=1)].reset_index(drop=True)
        if row.empty:
            return row
        alone = accuracy.change_of(row[accuracy.SIDES])
        return row.assign(**{column: alone[column] for column in accuracy.CHANGE})


def choose_pair(networks: Sequence[NetworkAnswers], model: str = "", a: str = "", b: str = "") -> ChosenPair | None:
    """Return two submissions of a network, or None if no network has two and no name is given.

    Each of `a` and `b` is the name of a submission, the name or the id of a device (its latest submission), or "". Of
    all pairs that agree with what is given, the one with most different answers is taken. Raises DataError if there is
    none.
    """
    model_names = [network.model for network in networks]
    models = names.choose("network", model, model_names) if model else model_names
    best: tuple[int, NetworkAnswers, list[int]] | None = None
    for network in networks:
        places = _set_places(network)
        differ = _differences(network)[np.ix_(places, places)]
        for left in _places(network, a) if network.model in models else []:
            for right in _places(network, b):
                if left != right and (best is None or differ[left, right] > best[0]):
                    best = int(differ[left, right]), network, sorted((left, right), key=lambda place: places[place])
    if best is None:
        if not (a or b):
            return None
        submissions = list(dict.fromkeys(name for network in networks for name in network.submissions["submission"]))
        asked = " and ".join(repr(name) for name in (a, b) if name)
        raise DataError(
            f"No network has two submissions that match {asked}: choose {names.choices(a or b, submissions)}."
        )
    rows = best[1].submissions.iloc[best[2]]
    return ChosenPair(best[1], *rows["submission"], *rows["answer_set"])


def _places(network: NetworkAnswers, name: str) -> list[int]:
    """Return the places of the submissions that a name stands for: all for ""."""
    rows = network.submissions
    if not name:
        return list(range(len(rows)))
    wanted = name.casefold()
    for column in ("submission", "device_id", "device"):
        places = np.flatnonzero(rows[column].str.casefold() == wanted)
        if len(places):
            return [int(places[-1])]
    return []


def different_images(chosen: ChosenPair, most: int = 20) -> pd.DataFrame:
    """Return images to which the sets of a pair gave different classes, at most `most`, spread over the whole set.

    Columns are image, class_name, label, answers (in words) and right (which of the two, if any).
    """
    network = chosen.network
    columns = list(chosen.columns)
    differ = np.flatnonzero(network.answers[:, columns[0]] != network.answers[:, columns[1]])
    picked = differ[np.unique(np.linspace(0, len(differ) - 1, min(most, len(differ))).round().astype(int))]
    right = network.correct[picked][:, columns]
    words = np.where(right[:, 0], chosen.set_a, np.where(right[:, 1], chosen.set_b, "neither"))
    table = _described(network, picked, columns).assign(right=words)
    return table[["image", "class_name", "label", "answers", "right"]]
