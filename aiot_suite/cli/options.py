"""Options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiot_suite.suite import DELEGATES, FRAMEWORKS, MODELS, QUANTIZATIONS

Models = Annotated[list[str], typer.Option("--models", "-m", help=f"Any of {', '.join(MODELS)}, or of plugins/models.")]
Frameworks = Annotated[
    list[str],
    typer.Option("--frameworks", help=f"Any of {', '.join(FRAMEWORKS)}, executorch, or of plugins/frameworks."),
]
Delegates = Annotated[list[str], typer.Option("--delegates", help=f"Any of {', '.join(DELEGATES)}; gpu too.")]
Quantizations = Annotated[list[str], typer.Option("--quantizations", help=f"Any of {', '.join(QUANTIZATIONS)}.")]
Weights = Annotated[str, typer.Option(help="sample, pretrained, a folder of state dicts, or a name given to `add`.")]
Workspaces = Annotated[Path, typer.Option("--workspace", help="Folder that holds data/ and reports/.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]
Serials = Annotated[list[str], typer.Option("--serial", "-s", help="An attached device, as `adb devices` names it.")]
Every = Annotated[bool, typer.Option("--all", help="Every attached device.")]
Connect = Annotated[list[str], typer.Option("--connect", help="HOST:PORT of a device in the network.")]
DeviceFolder = Annotated[str, typer.Option(help="Folder on attached devices, for all that is pushed there.")]
DevicePython = Annotated[str, typer.Option(help="Python of attached devices that have one of their own.")]
KeepSerial = Annotated[bool, typer.Option("--keep-serial", help="Write serial numbers as they are.")]
Threads = Annotated[int, typer.Option("--num-threads", min=1, help="Threads of each framework.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="Seconds for one instance.")]
Cooldown = Annotated[
    float, typer.Option("--cooldown", min=0, help="Seconds that a hot or empty device is waited for; 0: never.")
]
Patience = Annotated[
    float, typer.Option("--patience", min=0, help="Seconds that a device that went away is waited for.")
]
FixedPerformance = Annotated[
    bool, typer.Option("--fixed-performance", help="Lower, steadier clocks while it runs, on Android 11 and later.")
]
Cores = Annotated[str, typer.Option(help="all, or big: only those that can be faster than the slowest ones.")]
NativeTools = Annotated[
    Path | None,
    typer.Option("--native-tools", help="Folder with TFLite's benchmark_model and run_eval, which reach NNAPI."),
]
PYTHON = "python3"
HERE = Path()
