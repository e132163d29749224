import importlib
import re
from pathlib import Path

from aiot_analysis import stats

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "python.md"


def test_every_function_that_the_reference_names_is_there():
    text = PAGE.read_text(encoding="utf-8").partition("\n## Statistics\n")[2].partition("\n## ")[0]
    table = re.findall(r"\b([a-z_]+)\.([a-z_0-9]+)(?=[`(])", text[text.index("| task |") :])
    calls = re.findall(r"\bstats\.([a-z_]+)\.([a-z_0-9]+)\(", text)
    assert len(table) > 30 and len(calls) > 6
    functions = {(module, name) for module, name in (*table, *calls) if (module, name) != ("aiot_analysis", "stats")}
    assert {module for module, _ in functions} <= set(dir(stats))
    for module, name in functions:
        assert callable(getattr(importlib.import_module(f"aiot_analysis.stats.{module}"), name)), f"{module}.{name}"
