"""Tests of the progress bar of `aiot report` and `aiot figures`."""

from aiot_analysis.cli.output_commands import bar, follow


def test_a_bar_counts_the_notebooks_that_waited_and_names_the_one_that_changed() -> None:
    with bar("report: {task.description}") as progress:
        advance = follow(progress, "starting")
        [task] = progress.tasks
        assert (task.description, task.total) == ("starting", None)
        for name in ("01_overview", "simulated/01_overview"):
            advance(name, "waiting")
        assert (task.completed, task.total) == (0, 2)
        advance("simulated/01_overview", "running")
        assert (task.description, task.completed) == ("simulated/01_overview", 0)
        advance("01_overview", "rendered")
        advance("simulated/01_overview", "failed")
        assert (task.description, task.completed, task.total) == ("simulated/01_overview", 2, 2)
