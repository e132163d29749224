"""Options shared by several commands, and tables printed to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from aiot_suite.suite import DELEGATES, FRAMEWORKS, MODELS, QUANTIZATIONS

Models = Annotated[
    list[str], typer.Option("--models", "-m", help=f"Any of {', '.join(MODELS)}, or a model in plugins/models.")
]
Frameworks = Annotated[
    list[str],
    typer.Option(
        "--frameworks", help=f"Any of {', '.join(FRAMEWORKS)}, executorch, or a framework in plugins/frameworks."
    ),
]
Delegates = Annotated[list[str], typer.Option("--delegates", help=f"Any of {', '.join(DELEGATES)}, or gpu.")]
Quantizations = Annotated[list[str], typer.Option("--quantizations", help=f"Any of {', '.join(QUANTIZATIONS)}.")]
Weights = Annotated[
    str, typer.Option(help="sample, pretrained, a folder of state dicts, or a name used with `aiot models add`.")
]
Workspaces = Annotated[Path, typer.Option("--workspace", help="Folder that contains data/ and reports/.")]
Seed = Annotated[int, typer.Option(help="Seed of all random choices.")]
Serials = Annotated[
    list[str], typer.Option("--serial", "-s", help="Serial number of an attached device, as listed by `adb devices`.")
]
Every = Annotated[bool, typer.Option("--all", help="Use every attached device.")]
Connect = Annotated[list[str], typer.Option("--connect", help="HOST:PORT of a device on the network.")]
DeviceFolder = Annotated[str, typer.Option(help="Folder on attached devices for all files copied there.")]
DevicePython = Annotated[str, typer.Option(help="Python interpreter on attached devices that have their own.")]
KeepSerial = Annotated[bool, typer.Option("--keep-serial", help="Also record serial numbers without hashing them.")]
Threads = Annotated[int, typer.Option("--num-threads", min=1, help="Threads used by each framework.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="Time limit for one instance in seconds.")]
Cooldown = Annotated[
    float,
    typer.Option(
        "--cooldown", min=0, help="Longest time to wait for a hot or discharged device, in seconds; 0: do not wait."
    ),
]
Patience = Annotated[
    float, typer.Option("--patience", min=0, help="Longest time to wait for a disconnected device, in seconds.")
]
FixedPerformance = Annotated[
    bool,
    typer.Option(
        "--fixed-performance", help="Use lower, steadier clock rates during the run, on Android 11 and later."
    ),
]
Cores = Annotated[str, typer.Option(help="all, or big: only cores that can run faster than the slowest ones.")]
NativeTools = Annotated[
    Path | None,
    typer.Option("--native-tools", help="Folder with TFLite's benchmark_model and run_eval, which can use NNAPI."),
]
PYTHON = "python3"
HERE = Path()


WIDE = 250  # characters; the width in a file or pipe, where nothing should be shortened


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table. Columns named in `right` are right-aligned, and the first column is never shortened."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    screen = Console()
    (screen if screen.is_terminal else Console(width=WIDE)).print(table)
