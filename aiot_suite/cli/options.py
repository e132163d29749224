"""Options shared by several commands, and tables printed to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aiot_suite.suite import DELEGATES, FRAMEWORKS, MODELS, QUANTIZATIONS
from aiot_suite.workspace import Workspace
from runner import rawlog

Models = Annotated[
    list[str],
    typer.Option(
        "--models",
        "-m",
        metavar="NAMES",
        help=f"Any of {', '.join(MODELS)}, or a model in plugins/models, separated by commas.",
    ),
]
Frameworks = Annotated[
    list[str],
    typer.Option(
        "--frameworks",
        metavar="NAMES",
        help=f"Any of {', '.join(FRAMEWORKS)}, executorch, or a framework in plugins/frameworks, separated by commas.",
    ),
]
Delegates = Annotated[
    list[str],
    typer.Option("--delegates", metavar="NAMES", help=f"Any of {', '.join(DELEGATES)}, gpu, separated by commas."),
]
Quantizations = Annotated[
    list[str],
    typer.Option("--quantizations", metavar="NAMES", help=f"Any of {', '.join(QUANTIZATIONS)}, separated by commas."),
]
Weights = Annotated[
    str, typer.Option(help="sample, pretrained, a folder of state dicts, or a name used with `aiot models add`.")
]
ReadWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="Folder that contains data/. Default: the working folder, or the nearest folder above it that has data.",
    ),
]
WriteWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="Folder that contains data/. Default: the working folder; never a folder above it.",
    ),
]
NoWorkspace = Annotated[
    Path | None,
    typer.Option("--workspace", help="Accepted as by every command, but this one uses no files of a workspace."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the table as JSON, for scripts.")]
Seed = Annotated[int, typer.Option(help="Seed of all random choices.")]
Serials = Annotated[
    list[str],
    typer.Option(
        "--serial",
        "-s",
        metavar="SERIAL",
        help="Serial number of an attached device, as listed by `aiot devices`; repeat the option for more devices.",
    ),
]
Every = Annotated[bool, typer.Option("--all", help="Use every attached device.")]
Connect = Annotated[
    list[str],
    typer.Option(
        "--connect", metavar="HOST:PORT", help="Address of a device on the network; repeat the option for more devices."
    ),
]
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


def to_read(named: Path | None) -> Workspace:
    """Return the workspace that a command reads, see `rawlog.workspace_to_read`."""
    return Workspace(rawlog.workspace_to_read(named))


def to_write(named: Path | None) -> Workspace:
    """Return the workspace that a command writes to, see `rawlog.workspace_to_write`."""
    return Workspace(rawlog.workspace_to_write(named))


class CommandGroup(TyperGroup):
    """A command with subcommands, whose help describes each of them in a whole sentence, never cut."""

    sections: Mapping[str, Sequence[str]] = {}
    """Names of subcommands by the heading that they have in the help; the others are under "Commands"."""

    def list_commands(self, ctx: Any) -> list[str]:
        listed = [name for names in self.sections.values() for name in names if name in self.commands]
        return listed + [name for name in super().list_commands(ctx) if name not in listed]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        headings = {name: heading for heading, names in self.sections.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            if not command.hidden:
                rows.setdefault(headings.get(name, "Commands"), []).append((name, command.get_short_help_str(LONG)))
        for heading, commands in rows.items():
            with formatter.section(heading):
                formatter.write_dl(commands)


LONG = 1000  # characters; more than any description has
WIDE = 250  # characters; the width in a file or pipe, where nothing should be shortened


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table. Columns named in `right` are right-aligned, and the first column is never shortened."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # a text is no markup: it may have square brackets
    screen = Console()
    (screen if screen.is_terminal else Console(width=WIDE)).print(table)
