"""Steps that the notebooks of pages share: opening the data, judging claims and listing excluded rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiot_analysis.display import CLAIM_TABLES, claim_strip, claim_tables
from aiot_analysis.display.columns import Format, with_intervals
from aiot_analysis.display.reading import any_rows, how_to_read
from aiot_analysis.display.show import banner, display_html, say, table, timing_used
from aiot_analysis.plots import device_axis, style
from aiot_analysis.stats import blocks, remarks, resize, variance, vips
from aiot_analysis.tables import along, names, select
from aiot_analysis.tables.data import Data, load
from aiot_analysis.tables.names import USABLE
from aiot_analysis.tables.workspace import FOLDER, WORKERS_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

ACCURACY_REMARK, SCORE_REMARK = 1, 6  # claims of the first use no times, those of the second use sums


@dataclass(frozen=True)
class NotebookPage:
    """Data of a page, the rows that its statistics use, and the settings of its figures."""

    data: Data
    rows: pd.DataFrame  # one usable row per device and instance, with the columns of `variance.with_noise`
    excluded: pd.DataFrame  # all other rows of the same instances, with verdict and reasons
    timing: str  # "end_to_end" or "inference"
    verdicts: str  # which rows are usable, separated by commas
    run_to_run: float  # allowance for differences between runs, see `variance`
    devices: pd.DataFrame  # in the order of axes, see `device_axis.arrange_devices`

    @property
    def mean_column(self) -> str:
        """Column of `rows` that holds the mean time per image, in ms."""
        return f"{select.time_column(self.timing)}_mean"

    @property
    def mean_columns(self) -> dict[str, str]:
        """Columns of `rows` with the mean time per image, in ms, by timing; that of the page comes first.

        If native tools measured some of the rows, there are only times of inference.
        """
        others = names.TIMES if self.timing != "inference" or self.rows["source"].ne("tool").all() else {}
        return {name: f"{select.time_column(name)}_mean" for name in dict.fromkeys([self.timing, *others])}

    @property
    def source(self) -> str:
        """Line below each figure that states the origin of its data."""
        rows = self.rows if len(self.rows) else self.data.instances
        return style.origin_line(rows.assign(timing=self.timing))

    @property
    def intervals(self) -> str:
        """Text for captions on what intervals of ratios of times include."""
        return variance.describe_noise(self.rows)

    @property
    def intervals_of_sums(self) -> str:
        """Text for captions on what intervals of sums and means of times include."""
        return variance.describe_noise(self.rows, whole=True)

    def with_noise(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return other rows of the table `instances` with the noise columns that `rows` has."""
        return variance.with_noise(rows, self.data.instances, self.timing, self.run_to_run)

    def judged(self, remark_numbers: Collection[int] = remarks.REMARKS) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return all comparisons of the claims of these remarks (default: all), and the verdict on each claim."""
        records = self.data.image_parts(remarks.IMAGE_COLUMNS)
        parts = remarks.parts(
            self.data.instances,
            records,
            self.timing,
            remark_numbers,
            wanted=self.verdicts,
            run_to_run=self.run_to_run,
        )
        return parts, remarks.verdicts(parts)

    def doubtful_intervals(self) -> str:
        """Return which intervals of times may be too short, and why; empty if none."""
        doubts = blocks.doubts(self.data.image_parts(along.COLUMNS), self.rows, self.timing)
        return claim_tables.doubts(doubts, self.rows)

    def claims(self, remark: int) -> None:
        """Display the verdict and effect of each claim of a remark and, folded, its rule and every comparison."""
        parts, verdicts = self.judged([remark])
        show_strip(verdicts, names.devices(self.data.devices))
        has_intervals = parts["effect_low"].notna().any()
        claims_name, comparisons_name = (name.format(remark) for name in CLAIM_TABLES)
        if remark != ACCURACY_REMARK:
            say(self.doubtful_intervals())
            say(f"{claim_tables.intervals(self.rows, whole=remark == SCORE_REMARK)}." if has_intervals else "")
        table(
            claim_tables.detail(verdicts),
            f"Remark {remark}: the paper's words, the rules and the results",
            folded=True,
            name=claims_name,
        )
        table(
            claim_tables.comparisons(parts),
            f"Every comparison{'; all intervals of a claim hold jointly at 95%' if has_intervals else ''}",
            folded=True,
            name=comparisons_name,
        )

    def table(
        self,
        frame: pd.DataFrame,
        caption: str,
        columns: Sequence[str] = (),
        *,
        name: str,
        formats: Mapping[str, Format] | None = None,
        headings: Mapping[str, str] | None = None,
        folded: bool = False,
        number: str = "",
    ) -> None:
        """Display a frame as `show.table` does, with the names of devices in place of their ids.

        `columns` selects columns (default: all); the ends of an interval come with the column that they belong to. A
        frame without rows is a sentence.
        """
        if not any_rows(frame, f"{caption.partition('. ')[0]}: none."):
            return
        if columns:
            frame = frame[with_intervals(columns, list(frame.columns))]
        devices = frame.get("device_id")
        named = frame if devices is None else self.data.named(frame)
        table(
            named,
            caption,
            formats=formats,
            headings=headings,
            folded=folded,
            name=name,
            number=number,
            devices=devices,
        )

    def show_excluded(self, name: str, caption: str = "Instances excluded from this page", **values: str) -> None:
        """Display the excluded instances by device and reason, as a table of this name.

        `values` restrict them by column, as in delegate="nnapi".
        """
        rows = self.excluded
        for column, value in values.items():
            rows = rows[rows[column] == value]
        groups = rows.groupby(["device_id", "verdict", "reasons"])["instance_id"]
        self.table(groups.agg(instances="count", which=", ".join).reset_index(), caption, folded=True, name=name)

    def show_with_care(self, name: str) -> None:
        """Display the instances that are used despite reservations, as a table of this name."""
        columns = ["device_id", "instance_id", "verdict", "reasons"]
        self.table(
            self.rows[self.rows["reasons"] != ""],
            "Instances that are usable with caveats",
            columns,
            folded=True,
            name=name,
        )


def show_strip(verdicts: pd.DataFrame, devices: Mapping[str, str] | None = None) -> None:
    """Display claims as a compact list, followed by the number of claims by verdict.

    Takes the frame of `remarks.verdicts` or `published_claims.verdicts`, and the names of devices by id.
    """
    listed = verdicts[["id", "short", "verdict"]].itertuples(index=False)
    display_html(
        claim_strip.strip(verdicts, devices), "\n".join(f"{row.id} {row.short}: {row.verdict}" for row in listed)
    )
    say(claim_tables.sentence(verdicts))


def open_page(
    processed: str | Path = FOLDER,
    origin: str = "",
    timing: str = "end_to_end",
    *,
    device: str = "",
    verdicts: str = ",".join(USABLE),
    run_to_run: float = variance.RUN_TO_RUN,
    order: str = "soc",
    labels: str = "number",
    scheduler: str = "",
    workers_timeout_s: float = WORKERS_TIMEOUT_S,
    by: str = "time",
    beyond_paper: bool = False,
    by_framework: bool = True,
) -> NotebookPage:
    """Load the processed tables, display their origin, and select the rows that the page uses.

    Parameters
    ----------
    processed
        Folder of the tables, looked up in the working folder and its parent folders.
    origin
        "measured", "imported", "published" or "simulated"; empty: the first of them that the tables have.
    timing
        "end_to_end" or "inference". If native tools measured any of the rows, it becomes "inference", and the page says
        so.
    device
        Id of a device, or several separated by commas; empty: all.
    verdicts
        Verdicts of the rows that are used, separated by commas.
    run_to_run
        Share of time within which two runs are assumed to agree, where there are too few sessions to estimate it.
    order, by
        Order of devices: "soc" (SoC vendor, then number in Table III), "id" (number in Table III, as in the paper), or
        "value", which is "time" (mean, lowest first), "accuracy" (mean, lowest first) or "vips" (highest first).
    labels
        Labels of many devices: "number" (Table III) or "name".
    scheduler
        Address of a Dask scheduler that works on the image records.
    workers_timeout_s
        Longest time to wait while the scheduler has no worker, in seconds.
    beyond_paper
        Whether to keep instances that are not among the paper's 60, and those with random weights, which have no
        accuracy.
    by_framework
        Whether rows are measured under the same conditions only within each framework, rather than all of them.

    Returns
    -------
    The page: `data`, `rows` (one usable row per device and instance), `excluded`, `devices`, and what figures and
    captions need.

    Raises
    ------
    DataError
        The tables are missing, or a value is unknown.

    Examples
    --------
    >>> page = aiot_analysis.open_page()
    >>> page.rows.groupby("device_id")[page.mean_column].median()
    """
    data = load(processed, origin, scheduler, device, workers_timeout_s)
    banner(data)
    how_to_read()
    if beyond_paper:
        rows, excluded = select.timed_rows(data.instances, timing, by_framework, verdicts)
    else:
        rows, excluded = select.measured_rows(
            select.of_paper(data.instances), by_framework=by_framework, wanted=verdicts
        )
    timing = timing_used(rows, timing)
    rows = variance.with_noise(rows, data.instances, timing, run_to_run)
    devices = device_axis.arrange_devices(data.devices, _values(rows, timing, by), order, labels)
    return NotebookPage(data, rows, excluded, timing, verdicts, run_to_run, devices)


def open_study(
    study: str,
    processed: str | Path = FOLDER,
    origin: str = "",
    *,
    device: str = "",
    run_to_run: float = variance.RUN_TO_RUN,
) -> NotebookPage:
    """Load the processed tables, display their origin, and select the rows of a study: "profile" or "resize".

    The parameters are those of `open_page`. The rows have the columns of `variance.assumed`.
    """
    data = load(processed, origin, devices=device)
    if study == resize.STUDY:
        rows, excluded = resize.rows(data.studies)
    else:
        rows, excluded = select.of_study(data.studies, study), data.studies.head(0)
    banner(data, rows)
    if len(rows):
        how_to_read()
    timing = select.timing_of(rows, "end_to_end")
    rows = variance.assumed(rows, run_to_run)
    return NotebookPage(data, rows, excluded, timing, ",".join(USABLE), run_to_run, data.devices)


def _values(rows: pd.DataFrame, timing: str, by: str) -> pd.Series:
    """Return the sort key of devices, by device id; the device with the lowest value comes first."""
    if by == "vips":
        return -vips.scores(rows, timing).set_index("device_id")["vips"]
    column = {"time": f"{select.time_column(timing)}_mean", "accuracy": "accuracy"}[by]
    return rows.groupby("device_id")[column].mean()
