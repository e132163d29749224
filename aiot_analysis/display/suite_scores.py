"""Scores of suites other than the paper's: the same sums over the instances of each suite that a run named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import vips as vips_chart
from aiot_analysis.display import findings
from aiot_analysis.display.show import say, show
from aiot_analysis.plots import style
from aiot_analysis.plots import vips as draw
from aiot_analysis.stats import variance, vips
from aiot_analysis.tables import names, select
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from aiot_analysis.display.notebook_page import NotebookPage

COLUMNS = ["device_id", "vips", "instances", "peer_group", "rank", "group_size", "tie_group"]
COLUMNS += ["vops", "vops_rank", "interval_note"]
HEADINGS = {
    "vips": "images per second",
    "vops": "FLOPs per second",
    "vops_rank": "rank by FLOPs",
    "peer_group": "group",
}
NO_SUITE = (
    "No run named a suite other than the paper's. For example, `aiot run --local --suite today` adds one to the "
    "measured data."
)


def show_suites(page: NotebookPage, seed: int, resamples: int) -> None:
    """Display the score of each suite, over its float32 and over its quantized instances, as figures and tables."""
    suites = select.suites(page.data.instances)
    if not suites:
        say(NO_SUITE)
    for suite, ids in suites.items():
        by_kind = {
            "float32": [name for name in ids if names.instance(name).quantization == "float32"],
            "quantized": [name for name in ids if names.instance(name).quantization != "float32"],
        }
        for kind, instances in by_kind.items():
            if instances:
                _show_score(page, suite, kind, instances, seed, resamples)


def _show_score(page: NotebookPage, suite: str, kind: str, instances: list[str], seed: int, resamples: int) -> None:
    of_suite = page.data.instances[page.data.instances["instance_id"].isin(instances)]
    together = of_suite["model"].unique().tolist()
    measured, _ = select.measured_rows(of_suite, by_framework=True, wanted=page.verdicts, together=together)
    what = f"{plural(len(instances), f'{kind} instance')} of the suite {suite}"
    if measured.empty:
        say(f"No row of {what} has an accuracy and a time that can be used, so there is no score.")
        return
    timing = select.timing_of(measured, page.timing)
    rows = variance.with_noise(measured, page.data.instances, timing, page.run_to_run)
    scores = vips.intervals(rows, page.data.image_parts(), timing, instances, seed, resamples)
    interval = variance.describe_noise(rows, whole=True)
    name = f"suite_{suite}_{kind}".replace("-", "_")
    show(
        draw.ranking(scores, style.origin_line(rows.assign(timing=timing)), page.devices, f"score of {what}", interval),
        f"Score of {what}, with intervals ({interval}).",
        name=name,
        chart=vips_chart.ranking(scores, "score"),
        title=findings.ranking(
            scores, names.devices(page.data.devices), unit="", of=f"{kind} instances of the suite {suite}"
        ),
    )
    page.table(
        scores,
        f"Valid images per second and valid FLOPs per second of {what}. Intervals: {interval}",
        COLUMNS,
        headings=HEADINGS,
        folded=True,
        name=f"{name}_scores",
    )
