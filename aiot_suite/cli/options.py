"""Options shared by several commands, and tables printed to the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aiot_suite.errors import printable
from aiot_suite.suite import BEYOND_DELEGATES, BEYOND_FRAMEWORKS, DELEGATES, FRAMEWORKS, MODELS, PROFILES, QUANTIZATIONS
from aiot_suite.workspace import Workspace
from runner import rawlog

Models = Annotated[
    list[str],
    typer.Option(
        "--models",
        "-m",
        metavar="NAMES",
        help=f"Only these models, separated by commas: any of {', '.join(MODELS)}, any classifier of torchvision by "
        "its name there, networks of timm as timm:NAME, or models in plugins/models.",
    ),
]
SuiteName = Annotated[
    str,
    typer.Option(
        "--suite",
        metavar="NAME|FILE",
        help="Suite of instances: paper (60 instances), its parts float32 (24) and quantized (36), today (today's "
        "runtimes and networks), or a TOML file with lists of names: see docs/adding.md.",
    ),
]
Frameworks = Annotated[
    list[str],
    typer.Option(
        "--frameworks",
        metavar="NAMES",
        help=f"Only these frameworks, separated by commas: any of {', '.join((*FRAMEWORKS, *BEYOND_FRAMEWORKS))}, or "
        "frameworks in plugins/frameworks.",
    ),
]
Delegates = Annotated[
    list[str],
    typer.Option(
        "--delegates",
        metavar="NAMES",
        help=f"Only these delegates (what executes networks), separated by commas: any of "
        f"{', '.join((*DELEGATES, *BEYOND_DELEGATES))}.",
    ),
]
Quantizations = Annotated[
    list[str],
    typer.Option(
        "--quantizations",
        metavar="NAMES",
        help=f"Only these number formats of the networks, separated by commas: any of {', '.join(QUANTIZATIONS)}.",
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Weights of the networks: sample (for the drawn sample images), pretrained (torchvision's, for ImageNet), "
        "random (to measure times only), a folder of state dicts, or a name given to `aiot models add`.",
    ),
]
ReadWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Folder that contains data/. Default: the working folder, or the nearest folder above it that has data.",
    ),
]
WriteWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Folder that contains data/. Default: the working folder; never a folder above it.",
    ),
]
NoWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Has no effect, because this command uses no files of a workspace; every command accepts it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the table as JSON, for scripts.")]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Seed of all random choices.")]
Serials = Annotated[
    list[str],
    typer.Option(
        "--serial",
        "-s",
        metavar="SERIAL",
        help="Serial number of an attached device, as listed by `aiot devices`; repeat the option for more devices.",
    ),
]
Every = Annotated[
    bool, typer.Option("--all", help="Use every attached device; the exit code is 1 if one of them cannot be used.")
]
SkipUnusable = Annotated[
    bool,
    typer.Option(
        "--skip-unusable",
        help="With --all: accept that devices which are offline, unauthorized or do not answer are skipped.",
    ),
]
Connect = Annotated[
    list[str],
    typer.Option(
        "--connect",
        metavar="HOST:PORT",
        help="Address of a device on the network, like 192.168.0.7:5555; repeat the option for more devices.",
    ),
]
Ssh = Annotated[
    list[str],
    typer.Option(
        "--ssh",
        metavar="USER@HOST",
        help="Board to use over SSH, as user@host, user@host:port or a name in ~/.ssh/config. It needs a key, since "
        "no password is asked for; repeat the option for more boards.",
    ),
]
DeviceFolder = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder on attached devices for all files copied there. Default: /data/local/tmp/aiot over adb, .aiot in "
        "the home folder over SSH.",
    ),
]
DevicePython = Annotated[
    str, typer.Option(metavar="COMMAND", help="Command that starts Python on attached devices that have their own.")
]
KeepSerial = Annotated[
    bool, typer.Option("--keep-serial", help="Record serial numbers as they are, in addition to their hashes.")
]
Threads = Annotated[int, typer.Option("--num-threads", metavar="NUMBER", min=1, help="Threads used by each framework.")]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Time limit for the measurement of one instance.")
]
Cooldown = Annotated[
    float,
    typer.Option(
        "--cooldown",
        metavar="SECONDS",
        min=0,
        help="Longest time to wait until a hot device has cooled down or a discharged one is charged; 0: do not wait.",
    ),
]
IfBusy = Annotated[
    str,
    typer.Option(
        "--if-busy",
        metavar="refuse|wait|collect|end",
        help="If another run uses the device, or an agent still measures there whose `aiot run` has ended: refuse to "
        "start; wait for it; collect the log of such an agent, once it has finished, if its run is in this workspace; "
        "or end it.",
    ),
]
Patience = Annotated[
    float,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        min=0,
        help="Longest time to wait for a disconnected device to come back.",
    ),
]
FixedPerformance = Annotated[
    bool,
    typer.Option(
        "--fixed-performance", help="Use lower, steadier clock rates during the run, on Android 11 and later."
    ),
]
Cores = Annotated[
    str,
    typer.Option(
        metavar="all|big",
        help="Processor cores to use: all, or big for those that can run faster than the slowest ones.",
    ),
]
NativeTools = Annotated[
    Path | None,
    typer.Option(
        "--native-tools",
        metavar="FOLDER",
        help="Folder with TFLite's own programs, benchmark_model and run_eval, which can use NNAPI.",
    ),
]
Dataset = Annotated[
    str, typer.Option(metavar="NAME", help="Name of the dataset of images, as made or chosen with `aiot dataset`.")
]
Profile = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"How much is measured: one of {', '.join(PROFILES)}; docs/measurement.md describes them.",
    ),
]
PYTHON = "python3"


def to_read(named: Path | None) -> Workspace:
    """Return the workspace that a command reads, see `rawlog.workspace_to_read`."""
    return Workspace(rawlog.workspace_to_read(named))


def to_write(named: Path | None) -> Workspace:
    """Return the workspace that a command writes to, see `rawlog.workspace_to_write`."""
    return Workspace(rawlog.workspace_to_write(named))


NARROWEST = 20  # columns of a help text
WIDEST = 78
DESCRIPTION = 46  # columns that the description of an option has at least, if the terminal has as many


class HelpFormatter(typer.Context.formatter_class):  # type: ignore[misc,valid-type]  # typer does not export it
    """Click's layout of a help text, also for terminals with fewer than the 50 columns that Click assumes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.width = max(min(shutil.get_terminal_size().columns - 2, WIDEST), NARROWEST)

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl(rows, min(col_max, max(self.width - DESCRIPTION - col_spacing, 2)), col_spacing)


class HelpContext(typer.Context):
    """The context of a command whose help `HelpFormatter` lays out."""

    formatter_class = HelpFormatter


class CommandGroup(TyperGroup):
    """A command with subcommands, whose help describes each of them in a whole sentence, never cut."""

    context_class = HelpContext

    sections: Mapping[str, Sequence[str]] = {}
    """Names of subcommands by the heading that they have in the help; the others are under "Commands"."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.context_class = HelpContext
        return command

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
        # a text is no markup: it may have square brackets
        table.add_row(*(Text(printable(cell)) for cell in row))
    screen = Console()
    (screen if screen.is_terminal else Console(width=WIDE)).print(table)


def show_version(wanted: bool) -> None:
    """Print the version of the project and exit, if wanted."""
    if wanted:
        from importlib import metadata  # slow to import

        print(f"aiot {metadata.version('aiotbench')}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Accept the options of `aiot` itself."""
