"""Check that model files are the networks that they should be, and if they are not, look for the cause."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aiot_suite.convert import calibration
from aiot_suite.datasets import classes
from aiot_suite.datasets.store import Dataset, Progress, subset
from aiot_suite.errors import DatasetError, ModelError
from aiot_suite.facts import NO_LABELS
from aiot_suite.prepare import network
from aiot_suite.preprocess import Preprocess, decode
from aiot_suite.suite import Instance
from aiot_suite.weights import weight_sources
from runner.agent.loop import labels
from runner.preflight import Check, check_file, plain_settings, read_checks
from runner.run_request import agent_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiot_suite.catalog import Catalog
    from aiot_suite.facts import Artifact, Settings
    from runner.devices.local import LocalDevice

IMAGES = 16
# Significance level of the one-sided paired test. With the right settings, all others are worse and p is near 1.
GAIN_SIGNIFICANCE = 0.02
LEAST_GAIN = 0.02  # minimum gain of the median margin, as a share of the range of the scores

NORMALIZATIONS = {
    "torchvision's": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "-1 to 1": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "0 to 1": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "the mean of each channel subtracted": ((123.0, 117.0, 104.0), (1.0, 1.0, 1.0)),
}
"""Mean and standard deviation for values from 0 to 255 of red, green and blue."""


def settings_variants(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Yield similar settings with a description: the other channel order, and other normalizations."""
    order = "BGR" if settings.channel_order == "RGB" else "RGB"
    yield f"channel_order {order}", replace(settings, channel_order=order)
    for name, (mean, std) in NORMALIZATIONS.items():
        in_order = [(r, g, b) if settings.channel_order == "RGB" else (b, g, r) for r, g, b in (mean, std)]
        changed = replace(settings, mean=in_order[0], std=in_order[1])
        if not np.allclose([changed.mean, changed.std], [settings.mean, settings.std], atol=2):
            yield f"mean and std for values of {name}" if "to" in name else f"mean and std: {name}", changed


def find_better_settings(
    settings: Settings,
    images: Sequence[tuple[str, int]],
    scores_of: Callable[[Settings, Sequence[tuple[str, int]]], np.ndarray],
) -> str | None:
    """Return a description of better settings, with which the right classes win more clearly; None if there are none.

    `scores_of` returns the outputs of the network under some settings, shape (images, outputs). The test is Wilcoxon's
    signed-rank test on the margins of the same images. With random weights, no class is right.
    """
    if settings.label_space == NO_LABELS:
        return None
    from scipy.stats import wilcoxon

    sample = images[:IMAGES]
    own_margins = margins(scores_of(settings, sample), sample, settings)
    candidates = []
    for text, variant in settings_variants(settings):
        differences = margins(scores_of(variant, sample), sample, variant) - own_margins
        gain = float(np.median(differences))
        if gain >= LEAST_GAIN and wilcoxon(differences, alternative="greater").pvalue < GAIN_SIGNIFICANCE:
            candidates.append((gain, text))
    return max(candidates)[1] if candidates else None


def margins(scores: np.ndarray, images: Sequence[tuple[str, int]], settings: Settings) -> np.ndarray:
    """Return the lead of the right class over the best other class in each image, as a share of the range of scores."""
    label_of = labels(settings.record())
    columns = {label_of(index): index for index in range(scores.shape[1])}
    result = []
    for row, (_, label) in zip(scores, images, strict=True):
        true_column = columns.get(label)
        other_scores = np.delete(row, true_column) if true_column is not None else row
        result.append(
            ((row[true_column] if true_column is not None else row.min()) - other_scores.max()) / (np.ptp(row) or 1)
        )
    return np.array(result)


LABEL_DOUBT = "the labels may be shifted or in another order"
LABEL_SIGNIFICANCE = 0.001  # of the one-sided tests
LEAST_LABELS = 3  # minimum number of labels that a shift or an order has to explain: a constant answer explains one


def label_problem(answers: np.ndarray, truth: np.ndarray, settings: Settings) -> str | None:
    """Return a sentence about a likely problem with the labels, or None.

    answers, truth: labels of shape (images,); an answer of -1 is not a class. Another order is reported if it explains
    more than chance (binomial test, corrected for all orders tried) and more than the labels as they are (McNemar's
    exact test, if those explain more than chance themselves). Outputs of random weights have no labels.
    """
    if settings.label_space == NO_LABELS:
        return None
    right = int((answers == truth).sum())
    chance = 1 / settings.classes
    by_chance = _tail_probability(right, len(truth), chance) > LABEL_SIGNIFICANCE
    candidates = list(_other_labels(answers, truth, settings))
    best_labels, text = max(candidates, key=lambda candidate: int((candidate[0] == answers).sum()), default=(truth, ""))
    explained = int((best_labels == answers).sum())
    if (
        len(set(truth[best_labels == answers].tolist())) >= LEAST_LABELS
        and _tail_probability(explained, len(truth), chance) * (2 * settings.classes + len(candidates))
        < LABEL_SIGNIFICANCE
        and (by_chance or _better(best_labels == answers, truth == answers))
    ):
        return f"{right} of {len(truth)} images are classified correctly: {LABEL_DOUBT}; {explained} are correct {text}"
    if not at_chance_level(right, len(truth), settings.classes):
        return None
    follow_note = (
        "; images with the same label get the same answer, but not that label"
        if _answers_follow_labels(answers, truth)
        else ""
    )
    return (
        f"{right} of {len(truth)} images are classified correctly, no more than by chance: {LABEL_DOUBT}, although "
        f"no shift and no common order fits better{follow_note}; also check channel_order, mean, std and "
        "label_offset in its settings"
    )


def at_chance_level(right: int, images: int, classes: int) -> bool:
    """Return whether a number of right answers is consistent with guessing, and too low for a trained network.

    A trained network is assumed to have an accuracy halfway between guessing and 1. With fewer than ten images, the
    number may be consistent with both.
    """
    from scipy.stats import binom

    chance = 1 / classes
    guessed = binom.sf(right - 1, images, chance) >= LABEL_SIGNIFICANCE
    return bool(guessed and binom.cdf(right, images, (1 + chance) / 2) < LABEL_SIGNIFICANCE)


def _tail_probability(count: int, images: int, rate: float) -> float:
    """Return the probability of `count` or more hits."""
    from scipy.stats import binomtest

    return float(binomtest(count, images, rate, alternative="greater").pvalue)


def _better(mask: np.ndarray, other: np.ndarray) -> bool:
    gained, lost = int((mask & ~other).sum()), int((other & ~mask).sum())
    return gained > 0 and _tail_probability(gained, gained + lost, 0.5) < LABEL_SIGNIFICANCE


def _other_labels(answers: np.ndarray, truth: np.ndarray, settings: Settings) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the labels under the shift that fits best and under other orders, each with its meaning."""
    differences, counts = np.unique((answers - truth)[(answers >= 0) & (answers != truth)], return_counts=True)
    if len(differences):
        shift = int(differences[counts.argmax()])
        yield truth + shift, _shifted_labels(shift, settings)
    for order, text in _renumberings(settings):
        inverse = np.full(max(len(order), int(order.max()) + 1), -1)
        inverse[order[order >= 0]] = np.flatnonzero(order >= 0)
        for mapping, meaning in ((order, f"if the labels are {text}"), (inverse, f"if the outputs are {text}")):
            inside = truth < len(mapping)
            yield np.where(inside, mapping[np.where(inside, truth, 0)], -1), meaning


def _shifted_labels(shift: int, settings: Settings) -> str:
    text = f"if every label is {abs(shift)} {'lower' if shift < 0 else 'higher'}"
    remedies = []
    if settings.label_map is None and settings.label_offset + shift >= 0:
        remedies.append(f"label_offset {settings.label_offset + shift} in the settings of the model")
    if shift == -1:
        remedies.append("make the dataset again with --numbering 1")
    return f"{text} ({', or '.join(remedies)})" if remedies else text


def _renumberings(settings: Settings) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the label of each number of another list, -1 for unused numbers, and a description of the list."""
    yield np.array(sorted(range(settings.classes), key=str)), "sorted as text: 0, 1, 10, 100, 101"
    if settings.label_space != classes.IMAGENET:
        return
    devkit_labels = np.full(1001, -1)
    for number, label in classes.label_of_devkit().items():
        devkit_labels[number] = label
    yield devkit_labels, "the class numbers of ILSVRC 2012's development kit (--numbering devkit for the dataset)"
    yield devkit_labels[1:], "the class numbers of ILSVRC 2012's development kit minus one"
    names = [row["name"].casefold() for row in classes.class_table()]
    yield np.array(sorted(range(len(names)), key=names.__getitem__)), "sorted by the names of the classes"


def _answers_follow_labels(answers: np.ndarray, truth: np.ndarray) -> bool:
    """Return whether images of the same label get the same answer more often than images of different labels."""
    first, second = np.triu_indices(len(truth), 1)
    same_label, same_answer = truth[first] == truth[second], answers[first] == answers[second]
    if not same_label.any() or same_label.all():
        return False
    base_rate = float(same_answer[~same_label].mean())
    return _tail_probability(int(same_answer[same_label].sum()), int(same_label.sum()), base_rate) < LABEL_SIGNIFICANCE


FLOAT32_LIMIT = 1e-3  # maximum difference of a float32 file's outputs, as a share of the original's range
AGREEMENT_LIMIT = 0.5  # minimum share of images that a quantized file assigns to the original's class
ACCURACY_SIGNIFICANCE = 0.001  # of the test whether the accuracy is below the declared one
BATCH = 10


def check(
    artifacts: Sequence[Artifact],
    *,
    kind: str,
    folder: Path,
    cache: Path,
    known: Catalog,
    dataset: Dataset,
    images: int,
    device: LocalDevice,
    progress: Progress | None = None,
) -> list[Check]:
    """Check model files on a number of images of a dataset and keep the results in `folder/checks`.

    A file with an earlier check on the same images is not checked again unless it has changed.

    Images that cannot be decoded are skipped, as in `aiot run`.

    Raises ModelError if the dataset has other classes or contains images that a file was calibrated with, if the
    weights have changed or if there is nothing to check, and DatasetError if no image can be decoded.
    """
    if not artifacts:
        raise ModelError(f"No model files in {folder} match the selection: run `aiot models prepare`.")
    for artifact in artifacts:
        if reason := calibration.reason_not_to_test(artifact, dataset):
            raise ModelError(f"{artifact.name} cannot be checked, because {reason}: {calibration.REMEDY}.")
    readable, unreadable = _readable(dataset, subset(dataset, images, 0))
    previous = read_checks(folder, artifacts)
    originals: dict[str, _Original | None] = {}
    checks = []
    for index, artifact in enumerate(sorted(artifacts, key=lambda checked: Instance.of_artifact(checked.name).model)):
        model = Instance.of_artifact(artifact.name).model
        _same_classes(artifact.settings, dataset, artifact.name)
        earlier = previous.get(artifact.name)
        if earlier and (earlier.dataset_sha256, earlier.images) == (dataset.sha256, len(readable)):
            checks.append(earlier)
            continue
        if model not in originals:
            # keep only one model in memory
            originals = {model: _original(artifact, kind, cache, known, dataset, readable)}
        original = originals[model]
        scores = outputs(artifact, known, device, dataset.image_folder, readable)
        checked = compare(artifact, scores, original.scores if original else None, readable, dataset, unreadable)
        if checked.passed:
            hint = original.hint if original else _hint_of_added(artifact, known, device, dataset, readable)
            if hint:
                checked = replace(checked, passed=False, finding=f"the correct classes have a clearer lead with {hint}")
        target = check_file(folder, artifact)
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(asdict(checked), indent=1) + "\n", encoding="utf-8")
        checks.append(checked)
        if progress:
            progress(index + 1, len(artifacts))
    return checks


def outputs(
    artifact: Artifact, catalog: Catalog, device: LocalDevice, image_folder: Path, images: Sequence[tuple[str, int]]
) -> np.ndarray:
    """Return a model file's outputs for images, shape (images, outputs), by the agent in the file's environment.

    Raises ModelError with the framework's message if the file cannot be run.
    """
    instance = Instance.of_artifact(artifact.name)
    layout = catalog.frameworks[instance.framework].layout
    if artifact.settings.layout != layout:
        raise ModelError(
            f"{artifact.path} was made for the layout {artifact.settings.layout}, but {instance.framework} "
            f"takes {layout}: run `aiot models prepare`."
        )
    agent = device.push(agent_files(catalog), "agent")
    with tempfile.TemporaryDirectory(prefix="aiot-check-") as folder:
        job_file, output_file, scores_file = (Path(folder, name) for name in ("job.json", "output.txt", "outputs.npz"))
        job = {
            "framework": instance.framework,
            "delegate": "cpu",
            "model": str(artifact.path.resolve()),
            "settings": artifact.settings.record(),
            "threads": 1,
            "images": list(images),
            "image_folder": str(image_folder.resolve()),
            "out": str(scores_file),
        }
        job_file.write_text(json.dumps(job), encoding="utf-8")
        process = device.start_agent(
            agent, ["-m", "runner.agent.outputs", str(job_file)], artifact.environment, output_file
        )
        try:
            process.wait()
        finally:
            process.kill()
        if process.returncode:
            lines = output_file.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing"]
            raise ModelError(
                f"{artifact.path} cannot be run by {instance.framework} in the environment "
                f"{artifact.environment}: the message is {lines[-1][:300]!r}."
            )
        with np.load(scores_file) as arrays:
            scores: np.ndarray = arrays["scores"]
    return scores


def compare(
    artifact: Artifact,
    scores: np.ndarray,
    original: np.ndarray | None,
    images: Sequence[tuple[str, int]],
    dataset: Dataset,
    unreadable: Sequence[str] = (),
) -> Check:
    """Compare outputs of shape (images, outputs) with the original's of the same shape."""
    label_of = labels(artifact.settings.record())
    truth = np.array([label for _, label in images])

    def answers(values: np.ndarray) -> np.ndarray:
        return np.array([label_of(int(best)) for best in values.argmax(1)])

    has_classes = artifact.settings.label_space != NO_LABELS
    accuracy = float(np.mean(answers(scores) == truth)) if has_classes else None
    original_accuracy = float(np.mean(answers(original) == truth)) if has_classes and original is not None else None
    difference = correlation = agreement = None
    finite = bool(np.isfinite(scores).all())
    if original is not None and finite:
        if original.shape != scores.shape:
            raise ModelError(
                f"{artifact.name} has {scores.shape[1]} outputs, but its original has {original.shape[1]}."
            )
        difference = float(np.abs(scores - original).max() / np.ptp(original))
        if np.ptp(scores) and np.ptp(original):  # a constant has no correlation
            correlation = float(np.corrcoef(scores.ravel(), original.ravel())[0, 1])
        agreement = float(np.mean(scores.argmax(1) == original.argmax(1)))
    problem: str | None = "some outputs are not finite numbers"
    if finite:
        reference_answers = answers(scores if original is None else original)
        problem = label_problem(reference_answers, truth, artifact.settings) or _find_problem(
            artifact, len(images), accuracy if original_accuracy is None else original_accuracy, difference, agreement
        )
    return Check(
        artifact=artifact.name,
        sha256=artifact.sha256,
        settings=plain_settings(artifact.settings),
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        images=len(images),
        unreadable=list(unreadable),
        accuracy=accuracy,
        original_accuracy=original_accuracy,
        declared_accuracy=artifact.declared_accuracy,
        largest_difference=difference,
        correlation=correlation,
        top1_agreement=agreement,
        passed=problem is None,
        finding=problem or _verdict(artifact, agreement),
    )


def _verdict(artifact: Artifact, agreement: float | None) -> str:
    """Return the finding for a file that passed."""
    if agreement is None:
        return "there is no original to compare with"
    if Instance.of_artifact(artifact.name).quantization == "float32":
        return "the outputs match the original's"
    if artifact.settings.label_space == NO_LABELS:
        return "its weights are random, so the loss by quantization has no meaning"
    return f"{agreement:.0%} of the images get the same class as from the original"


def _find_problem(
    artifact: Artifact, images: int, accuracy: float | None, difference: float | None, agreement: float | None
) -> str | None:
    from scipy.stats import binomtest

    if artifact.declared_accuracy is not None and accuracy is not None:
        right = round(accuracy * images)
        test = binomtest(right, images, artifact.declared_accuracy, alternative="less")
        if test.pvalue < ACCURACY_SIGNIFICANCE:
            return (
                f"{right} of {images} images are classified correctly, but {artifact.declared_accuracy:.1%} "
                "is declared: check channel_order, mean, std and label_offset in its settings"
            )
    quantization = Instance.of_artifact(artifact.name).quantization
    if quantization == "float32" and difference is not None and difference > FLOAT32_LIMIT:
        return f"outputs differ by {difference:.2g} of their range, but at most {FLOAT32_LIMIT:g} is allowed"
    if agreement is not None and agreement < AGREEMENT_LIMIT and accuracy is not None:
        return f"only {agreement:.0%} of the images get the same class as from the original"
    return None


@dataclass(frozen=True)
class _Original:
    """The float32 PyTorch network: its outputs, shape (images, outputs), and a hint at better settings, if any."""

    scores: np.ndarray
    hint: str | None


def _original(
    artifact: Artifact, kind: str, cache: Path, catalog: Catalog, dataset: Dataset, images: Sequence[tuple[str, int]]
) -> _Original | None:
    """Return the original of a model file, or None for a file that was added."""
    import torch

    if artifact.added:
        return None
    model = catalog.model(Instance.of_artifact(artifact.name).model)
    source = weight_sources.locate(kind, model, cache)
    if source.sha256 != artifact.weights_sha256:
        origin = f"in {source.file}" if source.file else "that this version draws"
        raise ModelError(f"{artifact.name} was not made from the weights {origin}: run `aiot models prepare`.")
    module = network(source, model)

    def scores_of(settings: Settings, sample: Sequence[tuple[str, int]]) -> np.ndarray:
        preprocess = Preprocess.of(settings.with_layout("NCHW").record())
        parts = []
        for start in range(0, len(sample), BATCH):
            names = [name for name, _ in sample[start : start + BATCH]]
            tensors = [preprocess(decode(dataset.path(name).read_bytes())).copy() for name in names]
            with torch.inference_mode():
                parts.append(module(torch.from_numpy(np.concatenate(tensors))).numpy())
        return np.concatenate(parts)

    return _Original(scores_of(source.settings, images), find_better_settings(source.settings, images, scores_of))


def _hint_of_added(
    artifact: Artifact, catalog: Catalog, device: LocalDevice, dataset: Dataset, images: Sequence[tuple[str, int]]
) -> str | None:
    def scores_of(settings: Settings, sample: Sequence[tuple[str, int]]) -> np.ndarray:
        return outputs(replace(artifact, settings=settings), catalog, device, dataset.image_folder, sample)

    return find_better_settings(artifact.settings, images, scores_of)


def _same_classes(settings: Settings, dataset: Dataset, name: str) -> None:
    if settings.label_space == NO_LABELS:
        return
    if settings.label_space != dataset.label_space:
        raise ModelError(
            f"{name} has the classes of {settings.label_space}, but dataset {dataset.name} has those of "
            f"{dataset.label_space}: choose another dataset with --dataset."
        )
    highest = max(dataset.images, key=lambda image: image[1], default=("", -1))
    if highest[1] >= settings.classes:
        raise ModelError(
            f"{name} has {settings.classes} classes, but dataset {dataset.name} has label {highest[1]} "
            f"({highest[0]}): choose another dataset with --dataset."
        )


def _readable(dataset: Dataset, chosen: Sequence[tuple[str, int]]) -> tuple[list[tuple[str, int]], list[str]]:
    """Return the images that can be decoded, and the others with the reason."""
    readable, unreadable = [], []
    for name, label in chosen:
        try:
            decode(dataset.path(name).read_bytes())
        except (OSError, ValueError) as error:
            unreadable.append(f"{name} ({type(error).__name__}: {error})")
        else:
            readable.append((name, label))
    if not readable:
        raise DatasetError(f"None of the selected images of dataset {dataset.name} can be read: {unreadable[0]}.")
    return readable, unreadable
