"""Process the runs of `aiot ab` and show the comparison of A and B."""

from __future__ import annotations

from pathlib import Path


def show(session: str, data: Path) -> None:
    """Print the comparison of a session of `aiot ab`, whose raw logs are in `raw` below the folder `data`."""
    from aiot_analysis.cli.process import process
    from aiot_analysis.compare import comparison, interleaved, text

    process(data / "raw", data / "processed")
    print()
    print(text.render_text(interleaved.compare(session, data / "processed", {}, comparison.CompareOptions())), end="")
