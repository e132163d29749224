"""Every number printed in the paper beside ours, with a verdict on whether they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from aiot_analysis.stats import operators
from aiot_analysis.stats.accuracy import with_interval
from aiot_analysis.stats.remarks.claim import BUILT
from aiot_analysis.tables import names, paper

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AGREES, DIFFERS, INCOMPARABLE, NONE = "agrees", "differs", "not comparable", "not printed"
VERDICTS = [AGREES, DIFFERS, INCOMPARABLE, NONE]
COLUMNS = ["what", "where", "printed", "ours", "tolerance", "verdict", "mark", "note"]
EXACT = "exact"
SIZE_TOLERANCE = 0.05  # for FLOPs and parameters: the paper prints the round numbers of the publications
SCORE_TOLERANCE = 0.05  # for VIPS: our choice, since the paper prints no scatter
RAM_TOLERANCE = 0.15  # systems reserve some memory for themselves and report only the remainder
NOT_PRINTED = {
    "Figure 1": "shares of operators in the time of a model",
    "Figure 2": "times of convolutions: its axes are labelled from 0.21 to 1.89 ms and from 0 to 0.12, no bar is",
    "Figure 4": "accuracy of each model and framework on each phone",
    "Figure 5": "share of each framework in the time",
    "Figure 6": "share of TFLite with NNAPI in the time",
    "Figure 7": "share of each model in the time",
    "Figure 8": "accuracy of the quantized models on each phone",
    "Figure 9": "share of each quantization in the time",
}
PAGES = {"Figure 1": "09", "Figure 2": "09", "Figure 4": "03", "Figure 5": "04", "Figure 6": "05", "Figure 7": "06"}
PAGES |= {"Figure 8": "07", "Figure 9": "07"}


class PaperNumber(NamedTuple):
    """A row of the table, with the fields COLUMNS."""

    what: str
    where: str
    printed: str
    ours: str
    tolerance: str
    verdict: str
    note: str = ""
    mark: str = ""


def against_paper(
    devices: pd.DataFrame, rows: pd.DataFrame, images: pd.DataFrame, nodes: pd.DataFrame, passes: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per number printed in Tables II, III and IV and in the text of the paper, beside ours.

    Takes the tables `devices`, `nodes` and `passes` of one origin, rows of `select.measured_rows`, and the columns
    image and label of the image records of those rows. Columns are COLUMNS, all text. The verdict is "agrees" or
    "differs" according to the tolerance, "not comparable" with the reason in `note`, or "not printed" (Figures 1, 2 and
    4 to 9, whose values the paper does not print). `mark` is "by construction" where simulated data agree or differ.
    """
    origin = str(devices["origin"].iloc[0]) if len(devices) else ""
    rows = rows[rows["instance_id"].isin(names.PAPER)]
    devices = devices[devices["device_id"].isin(rows["device_id"])]
    lines = [
        *_counts(rows, images, nodes, passes),
        *_not_measured_here(),
        *_table_2(rows, nodes),
        *_table_3(devices),
        *_table_4(devices, rows),
    ]
    if origin == "simulated":  # a simulation has no graphs and passes
        lines = [line._replace(mark=BUILT) if line.verdict in (AGREES, DIFFERS) else line for line in lines]
    lines += [
        PaperNumber(what, where, "", "", "", NONE, f"nothing to compare with; ours is on page {PAGES[where]}")
        for where, what in NOT_PRINTED.items()
    ]
    return pd.DataFrame(lines, columns=PaperNumber._fields)[COLUMNS]


def _counts(
    rows: pd.DataFrame, images: pd.DataFrame, nodes: pd.DataFrame, passes: pd.DataFrame
) -> Iterator[PaperNumber]:
    """Yield the lines of the counts that the paper states, such as the numbers of devices, models and images."""
    quantized = rows[rows["quantization"] != "float32"]
    float32 = rows[rows["quantization"] == "float32"]
    per_class = images.drop_duplicates("image").groupby("label", observed=True).size()
    sides = _input_sides(nodes)
    values_of: dict[str, Iterable[Any]] = {
        "devices": [rows["device_id"].nunique()],
        "models": [rows["model"].nunique()],
        "frameworks": [rows["framework"].nunique()],
        "implementations": float32.groupby(["device_id", "model"]).size(),
        "float32_instances": float32.groupby("device_id").size(),
        "quantizations": quantized.groupby(["device_id", "model", "delegate"]).size(),
        "quantized_instances": quantized.groupby("device_id").size(),
        "quantized_devices": [quantized["device_id"].nunique()],
        "images": rows["distinct_images"],
        "classes": [len(per_class)] if len(per_class) else [],
        "images_per_class": per_class,
        "repetitions": passes.groupby(["framework", "model"])["repetition"].max() + 1,
        "network_classes": [int(shape.split("x")[-1]) for shape in _output_shapes(nodes)],
        "input_size": [size for model, size in sides.items() if model != "inception_v3"],
        "input_size_inception_v3": [size for model, size in sides.items() if model == "inception_v3"],
    }
    for name, what, where, printed in paper.counts().itertuples(index=False):
        values = sorted({int(value) for value in values_of[name]})
        if not values:
            helps = "aiot operators" if name in ("repetitions", "network_classes") or "input" in name else "aiot run"
            yield PaperNumber(what, where, str(printed), "", EXACT, INCOMPARABLE, f"none in these data: {helps}")
            continue
        ours = str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"
        yield PaperNumber(what, where, str(printed), ours, EXACT, AGREES if values == [printed] else DIFFERS)


def _not_measured_here() -> Iterator[PaperNumber]:
    """Yield the lines of printed numbers that this project never measures."""
    for what, printed, note in (
        ("images to train on in ILSVRC 2012", "1280000", "not used for training here"),
        ("images to validate on in ILSVRC 2012", "50000", "the paper uses a part of them, and so do we"),
    ):
        yield PaperNumber(what, "Section III-A", printed, "", EXACT, INCOMPARABLE, note)
    for what, printed in (("parameters", "138"), ("FLOPs", "15300")):
        note = "it is not in the suite: too slow for phones, as the paper says"
        yield PaperNumber(f"VGG16, {what}, millions", "Section III-B", printed, "", EXACT, INCOMPARABLE, note)


def _output_shapes(nodes: pd.DataFrame) -> list[str]:
    """Return the output shape of the last node of each model's graph."""
    shapes = [part["out_shape"].dropna() for _, part in operators.by_model(nodes)]
    return [str(shape.iloc[-1]) for shape in shapes if len(shape)]


def _input_sides(nodes: pd.DataFrame) -> dict[str, int]:
    """Return the side length, in pixels, of the input of each of the paper's models, from their graphs."""
    sides = {}
    for model, part in operators.by_model(nodes):
        shapes = part["in_shape"].dropna()
        if model in names.MODELS and len(shapes):
            sides[model] = int(str(shapes.iloc[0]).split("x")[-1])
    return sides


def _table_2(rows: pd.DataFrame, nodes: pd.DataFrame) -> Iterator[PaperNumber]:
    """Yield the lines of Table II: operations, parameters, layers and reference accuracy of each model."""
    computed = operators.table2(nodes).set_index("model")
    numbers = {
        "FLOPs (multiply-accumulates), millions": ("macs_millions", "flops_millions", SIZE_TOLERANCE, "{:.0f}"),
        "parameters, millions": ("params_millions", "params_millions", SIZE_TOLERANCE, "{:.2f}"),
        "layers": ("layers", "layers", 0.0, "{:.0f}"),
    }
    for model in paper.models().to_dict("records"):
        name = names.display(model["model"])
        for what, (column, printed_as, tolerance, pattern) in numbers.items():
            printed = model[printed_as]
            tolerance_text = f"{tolerance:.0%}" if tolerance else EXACT
            if model["model"] not in computed.index:
                note = "no graph of it in these data: run `aiot operators`"
                yield PaperNumber(f"{name}, {what}", "Table II", f"{printed:g}", "", tolerance_text, INCOMPARABLE, note)
                continue
            ours = float(computed.loc[model["model"], column])
            deviation = ours / printed - 1
            verdict = AGREES if abs(deviation) <= tolerance else DIFFERS
            note = "" if verdict == AGREES else f"{deviation:+.1%}; the network that is run is a variant"
            if what == "layers" and note:
                layers_all = computed.loc[model["model"], "layers_all"]
                note = f"on the longest way; {layers_all} in all. The paper does not say how it counts"
            yield PaperNumber(
                f"{name}, {what}", "Table II", f"{printed:g}", pattern.format(ours), tolerance_text, verdict, note
            )
        yield _accuracy(rows, model["model"], float(model["accuracy_percent"]))


def _accuracy(rows: pd.DataFrame, model: str, printed: float) -> PaperNumber:
    """Return the line of the reference accuracy of a model, which is on the validation images of ImageNet."""
    measured = with_interval(rows[(rows["model"] == model) & (rows["quantization"] == "float32")])
    what, tolerance = f"{names.display(model)}, reference accuracy, percent", "interval"
    if measured.empty:
        return PaperNumber(what, "Table II", f"{printed:g}", "", tolerance, INCOMPARABLE, "not measured in these data")
    percent = 100 * measured[["accuracy", "accuracy_low", "accuracy_high"]]
    lowest, highest = percent["accuracy"].min(), percent["accuracy"].max()
    ours = f"{lowest:.1f}" if lowest == highest else f"{lowest:.1f} to {highest:.1f}"
    images = " and ".join(sorted(measured["dataset"].astype(str).unique()))
    weights = " and ".join(sorted(measured["weights"].fillna("unknown").astype(str).unique()))
    simulated = "simulated" in set(measured["origin"])
    if not simulated and ("imagenet" not in images.lower() or "sample" in weights):
        note = f"ours is of {weights} weights on {images} images, the paper's of ImageNet's"
        return PaperNumber(what, "Table II", f"{printed:g}", ours, tolerance, INCOMPARABLE, note)
    inside = (percent["accuracy_low"] <= printed) & (printed <= percent["accuracy_high"])
    basis = "simulated near published accuracies" if simulated else f"{weights} weights"
    note = f"{basis}; inside the interval of {inside.sum()} of {len(inside)} instances"
    return PaperNumber(what, "Table II", f"{printed:g}", ours, tolerance, AGREES if inside.all() else DIFFERS, note)


def _table_3(devices: pd.DataFrame) -> Iterator[PaperNumber]:
    """Yield the lines of Table III: the phones with their RAM, Android version and SoC."""
    phones = devices.dropna(subset="paper_id").merge(paper.devices(), on="paper_id", suffixes=("_ours", ""))
    yield _count_alike("phones of the table", "51", "", len(phones), len(paper.devices()), EXACT)
    if phones.empty:
        for what in ("RAM of the phones, GB", "Android version of the phones", "SoC of the phones"):
            note = "none of the paper's phones is in these data"
            yield PaperNumber(what, "Table III", "51 values", "", EXACT, INCOMPARABLE, note)
        return
    ram = (phones["ram_gb_ours"] / phones["ram_gb"] - 1).abs() <= RAM_TOLERANCE
    android = phones["os_version"].astype(str).str.split(".").str[0] == phones["android"].astype(str)
    soc = phones["soc_ours"].astype(str) == phones["soc"]
    for what, same, tolerance in (
        ("RAM of the phones, GB", ram, f"{RAM_TOLERANCE:.0%}"),
        ("Android version of the phones", android, EXACT),
        ("SoC of the phones", soc, EXACT),
    ):
        others = ", ".join(str(int(paper_id)) for paper_id in phones.loc[~same, "paper_id"])
        note = f"other on phone {others}" if others else ""
        yield _count_alike(what, f"{len(phones)} values", note, int(same.sum()), len(phones), tolerance)


def _count_alike(what: str, printed: str, note: str, alike: int, total: int, tolerance: str) -> PaperNumber:
    """Return a line of Table III that counts how many of `total` values are `alike`."""
    verdict = AGREES if alike == total else DIFFERS
    return PaperNumber(what, "Table III", printed, f"{alike} of {total}", tolerance, verdict, note)


def _table_4(devices: pd.DataFrame, rows: pd.DataFrame) -> Iterator[PaperNumber]:
    """Yield the lines of Table IV: the VIPS of the first ten phones."""
    float32 = rows[rows["instance_id"].isin(names.PAPER_FLOAT32) & (rows["timing"] == "end_to_end")]
    vips = (float32["accuracy"] / (float32["end_to_end_ms_mean"] / 1000)).groupby(float32["device_id"])
    scores = vips.sum()[vips.size() == len(names.PAPER_FLOAT32)]  # Equation 1, for devices with all 24
    ids = devices.dropna(subset="paper_id").set_index("paper_id")["device_id"]
    id_of_device = paper.devices().set_index("device")["paper_id"]
    foreign = " and ".join(
        sorted({f"{weights} weights" for weights in rows["weights"].dropna() if "sample" in str(weights)})
    )
    for rank, device, printed in paper.top10().itertuples(index=False):
        what, tolerance = f"VIPS of rank {rank}, {device}", f"{SCORE_TOLERANCE:.0%}"
        score = scores.get(ids.get(id_of_device[device]))
        if score is None:
            note = "this phone with all 24 instances, end to end, is not in this data"
            yield PaperNumber(what, "Table IV", f"{printed:.2f}", "", tolerance, INCOMPARABLE, note)
            continue
        note = "may be a misprint for the Meizu 16s" if device == "Meizu 16Xs" else ""
        verdict = AGREES if abs(score / printed - 1) <= SCORE_TOLERANCE else DIFFERS
        if foreign:
            verdict, note = INCOMPARABLE, f"ours is of {foreign}"
        yield PaperNumber(what, "Table IV", f"{printed:.2f}", f"{score:.2f}", tolerance, verdict, note)
