import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from aiot_analysis.charts import vegalite
from aiot_analysis.charts.chart import Chart
from aiot_analysis.display import export
from aiot_analysis.display.show import (
    TABLE_SCRIPT,
    VERDICT_STYLE,
    _links,
    banner,
    banner_html,
    display_html,
    say,
    show,
    table,
    to_html,
)
from aiot_analysis.errors import ReportError
from aiot_analysis.report import page
from aiot_analysis.tables.data import load
from tests.aiot_analysis.charts.test_charts import CHARTS
from tests.aiot_analysis.display.test_export import draw
from tests.aiot_analysis.report.conftest import device, instance, write_tables


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What is displayed: data and metadata."""
    import IPython.display

    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, raw, metadata: seen.append((data, metadata)) if raw else None
    )
    return seen


def test_a_figure_is_a_picture_with_its_description_and_is_closed(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    matplotlib.use("agg")
    figure = pyplot.figure(figsize=(3, 2), label="Nothing at all")
    show(figure, "One & only")
    (data, metadata), (caption, caption_metadata) = displayed
    assert data["image/png"][:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data["image/png"][16:20]) == 450  # 3 inches of 150 dots
    assert metadata["image/png"] == {"alt": "Nothing at all", "width": 288, "height": 192, "caption": "One & only"}
    assert caption["text/html"] == "<p><em>One &amp; only</em></p>"
    assert caption_metadata == {"text/html": {"role": "caption"}}
    assert not pyplot.get_fignums()


def test_a_figure_with_a_chart_is_interactive_in_jupyterlab_and_a_picture_elsewhere(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    figure = draw()
    label = figure.get_label()
    show(figure, "Shares", chart=CHARTS["ranking"]())
    (data, metadata), _ = displayed
    assert data["image/png"][:8] == b"\x89PNG\r\n\x1a\n" and "chart" not in metadata["image/png"]
    assert data[vegalite.MIME]["description"] == metadata["image/png"]["alt"] == label
    assert metadata[vegalite.MIME]["embed_options"]["actions"]["editor"] is False  # which is on the web
    show(draw(), "Shares", chart=Chart(pd.DataFrame(columns=["device_id"]), (), ()))
    assert vegalite.MIME not in displayed[2][0]


def test_a_figure_on_a_page_is_a_drawing_for_wide_and_one_for_narrow_screens(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]], tmp_path: Path
) -> None:
    with export.beside_page(tmp_path, "04_page", ["simulated"]).open():
        show(draw(), "Shares", name="fig5", title="A is faster")
        show(draw(), "Shares again", name="fig6", chart=Chart(pd.DataFrame({"share": [0.5]}), (), ()))
        sink = export.current()
        assert sink and [item["files"] for item in sink.written()] == [
            [f"{name}.pdf", f"{name}.svg", f"{name}.csv"] for name in ("fig5", "fig6")
        ]
        first = (Path(sink.folder) / "fig5.svg").read_text(encoding="utf-8")
    (title, _), (data, metadata), _, (charted_data, charted), _ = displayed
    assert set(charted_data) == {"image/svg+xml", "text/plain"}  # pages draw charts themselves
    assert title["text/html"] == "<p><b>A is faster</b></p>"
    assert data["image/svg+xml"] == first and "image/png" not in data
    facts, others = metadata["image/svg+xml"], charted["image/svg+xml"]
    assert facts["title"] == "A is faster" and facts["narrow"].startswith("<svg") and "chart" not in facts
    assert "narrow" not in others and json.loads(others["chart"])["rows"] == {"share": [0.5]}
    ids = re.findall(r'\bid="([^"]+)"', data["image/svg+xml"] + facts["narrow"])
    assert len(ids) == len(set(ids))
    assert sink.has_data()


def test_a_figure_without_description_is_not_shown() -> None:
    with pytest.raises(ReportError, match=r"figure\.set_label"):
        show(Figure())


FRAME = pd.DataFrame({"model": ["a<b", "c"], "accuracy": [0.5, None], "images": [100, 0], "fits": [True, False]})


def test_a_table_has_scopes_aligned_numbers_and_escaped_text() -> None:
    html = to_html(FRAME, "All & sundry", {"accuracy": "{:.1%}", "images": lambda count: f"{count} of 100"})
    assert "<caption>All &amp; sundry</caption>" in html
    assert 'role="region" aria-label="All &amp; sundry"' in html
    assert '<th scope="col" style="text-align: left">model</th><th scope="col" class="number">accuracy</th>' in html
    assert (
        '<td style="text-align: left">a&lt;b</td><td class="number">50.0%</td><td class="number">100 of 100</td>'
        in html
    )
    assert '<td class="number">–</td>' in html
    assert '<td style="text-align: left">no</td>' in html
    assert "<td>0</td>" not in html  # no index


def test_a_table_may_have_its_own_word_for_what_is_missing() -> None:
    assert '<td class="number">not measured</td>' in to_html(FRAME, missing="not measured")


def test_columns_of_two_levels_have_headings_of_both() -> None:
    columns = pd.MultiIndex.from_tuples([("tflite", "cpu"), ("tflite", "nnapi"), ("pytorch", "cpu")])
    html = to_html(pd.DataFrame([[1.0, 2.0, 3.0]], columns=columns))
    assert '<th scope="col" class="number">tflite nnapi</th><th scope="col" class="number">pytorch cpu</th>' in html


def test_a_value_and_its_interval_are_one_column_of_numbers() -> None:
    frame = pd.DataFrame({"vips": [1 / 3], "vips_low": [0.2], "vips_high": [0.5]})
    html = to_html(frame, headings={"vips": "score"})
    assert '<tr><th scope="col" class="number">score (95% interval)</th></tr>' in html
    assert '<tr><td class="number">0.33 (0.20 to 0.50)</td></tr>' in html


def stored(html: str) -> Any:
    """What is kept for the script of the page: rows, their devices, and which columns hold numbers."""
    kept = json.loads(html.partition('class="rows"')[2].partition(">")[2].partition("</script>")[0])
    assert all(len(distinct) == len({str(cell) for cell in distinct}) for distinct, _ in kept["columns"])
    columns = [[distinct[position] for position in positions] for distinct, positions in kept["columns"]]
    devices = [kept["devices"][0][position] for position in kept["devices"][1]]
    return {"rows": [list(row) for row in zip(*columns, strict=True)], "devices": devices, "numeric": kept["numeric"]}


def test_a_long_table_is_folded_and_says_how_long_it_is() -> None:
    short, long = (to_html(pd.DataFrame({"n": range(rows)}), "Times < all") for rows in (60, 61))
    assert "<details>" not in short and "<caption>Times &lt; all</caption>" in short
    assert "<script" not in short and 'class="more"' not in short and short.count("<tr>") == 61
    assert long.startswith("<details><summary>Times &lt; all (61 rows)</summary><div") and "<caption>" not in long


def test_a_long_table_has_its_first_rows_as_html_and_the_others_for_the_script() -> None:
    frame = pd.DataFrame({"n": range(2124), "device_id": [f"d{n % 51}" for n in range(2124)]})
    html = to_html(frame, csv="figures/times.csv")
    assert html.count('<tr data-device="d') == 50 and '<tr data-device="d49"><td class="number">49</td>' in html
    rest = stored(html)
    assert rest["rows"] == [[f"{n:,}", f"d{n % 51}"] for n in range(50, 2124)]
    assert rest["devices"] == [f"d{n % 51}" for n in range(50, 2124)] and rest["numeric"] == [True, False]
    assert 'data-count="2074"' in html
    sentence = (
        '<span class="range">Rows 1 to 50 of 2,124</span>; all are in the <a href="figures/times.csv">CSV file</a>.'
    )
    assert f'</div><p class="more">{sentence}</p></details>' in html
    assert "CSV" not in to_html(frame)


def test_stored_cells_have_their_classes_and_cannot_end_the_script() -> None:
    long = "a text that is so long that it may wrap </script>"
    frame = pd.DataFrame({"verdict": ["holds"] * 70, "note": [long] * 70, "n": [-1.5] * 70})
    html = to_html(frame, devices=["x", None] * 35)
    assert stored(html)["rows"][0] == [["✓ holds", "verdict yes"], [long, "long"], "−1.5"]
    assert stored(html)["devices"] == ["x", ""] * 10
    assert html.count("</script>") == 1 and html.count("<tr data-device") == html.count("<tr><td") == 25


def test_columns_of_web_addresses_are_named_for_the_style_sheet() -> None:
    address = "https://example.org/" + "x" * 40
    rows = pd.DataFrame({"note": ["a", "b"], "address": [None, address]})
    html = to_html(rows)
    assert re.findall(r'<(t[dh])[^>]* class="([^"]*address)"', html) == [("th", "address"), ("td", "long address")]
    many = to_html(pd.concat([rows] * 40))
    assert stored(many)["rows"][1] == ["b", [address, "long address"]]


def test_a_true_value_has_a_check_mark_and_text_has_none() -> None:
    html = to_html(pd.DataFrame({"ok": [True, False], "answer": ["yes", "no"]}))
    assert re.findall(r"<td[^>]*>([^<]*)</td>", html) == ["✓ yes", "yes", "no", "no"]


def test_rows_know_their_devices() -> None:
    frame = pd.DataFrame({"device": ["A", "B", "C"], "n": [1, 2, 3]})
    assert "data-device" not in to_html(frame)
    html = to_html(frame, devices=pd.Series(["a&", None, "c"]))
    assert '<tr data-device="a&amp;"><td' in html and "<tr><td" in html and '<tr data-device="c">' in html


def test_a_table_without_rows_is_a_sentence() -> None:
    assert to_html(FRAME.head(0), "Files < 1 MB", folded=True) == '<p class="empty">Files &lt; 1 MB: none.</p>'
    with pytest.raises(ReportError, match="no column 'acuracy'"):
        to_html(FRAME.head(0), formats={"acuracy": "{}"})


def test_a_table_that_is_too_long_for_a_page_has_its_first_rows_and_says_so() -> None:
    whole, cut = (to_html(pd.DataFrame({"n": range(rows)}), "Times") for rows in (3500, 41_640))
    assert whole.startswith("<details><summary>Times (3,500 rows)<")
    assert cut.startswith("<details><summary>Times (the first 3,500 of 41,640 rows)<")
    assert stored(cut)["rows"] == stored(whole)["rows"] == [[f"{n:,}"] for n in range(50, 3500)]


def test_backquotes_become_code_and_hyphens_before_numbers_minus_signs() -> None:
    frame = pd.DataFrame({"try": ["`aiot run -2`", "-3 < -1"], "n": [-2, 2]})
    html = to_html(frame, "Of `x`, from -1 to 2, on 2026-01-02")
    assert "<caption>Of <code>x</code>, from −1 to 2, on 2026-01-02</caption>" in html
    assert 'aria-label="Of x, from −1 to 2, on 2026-01-02"' in html
    assert "<code>aiot run -2</code>" in html and "−3 &lt; −1" in html and '<td class="number">−2</td>' in html


def test_a_format_for_an_unknown_column_lists_the_columns() -> None:
    with pytest.raises(ReportError, match="no column 'acuracy' to format: choose model, accuracy, images, fits"):
        to_html(FRAME, formats={"acuracy": "{}"})


def test_links_to_the_parts_of_a_figure_have_words_that_can_be_read_alone() -> None:
    assert _links(["fig.csv", "fig.off_line.csv", "fig.over_devices.csv", "fig.pdf"]) == [
        ("data (CSV)", "figures/fig.csv"),
        ("data (CSV), distance from the line", "figures/fig.off_line.csv"),
        ("data (CSV), over devices", "figures/fig.over_devices.csv"),
        ("PDF", "figures/fig.pdf"),
    ]


def test_the_banner_passes_its_weights_to_the_foot_of_the_page(
    tmp_path: Path, displayed: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    write_tables(tmp_path, [device()], [instance("cpu", "mnasnet")])
    banner(load(tmp_path))
    [(_, metadata)] = displayed
    assert metadata["text/html"] == {"weights": "torchvision"}


def test_the_banner_states_the_origin_of_the_data(tmp_path: Path) -> None:
    write_tables(tmp_path, [device()], [instance("cpu", "mnasnet")])
    html = banner_html(load(tmp_path))
    assert "<strong>Measured</strong> on the devices named here." in html
    assert "SIMULATED" not in html
    for part in (
        "<b>devices</b> Workstation",
        "<b>runs</b> 1, 2026-11-22",
        "<b>profile</b> quick, timing end to end",
        "<b>weights</b> torchvision",
        "<b>dataset</b> samples",
        "<details><summary>Versions</summary>TFLite 2.3.0</details>",
    ):
        assert part in html


def test_the_banner_says_that_runs_share_no_instance(tmp_path: Path) -> None:
    """An instance that was unavailable in one of two runs was not repeated."""
    first, second = instance("cpu", "mnasnet"), instance("cpu", "squeezenet", run_id="20261123T190000Z-000000")
    missing = instance("cpu", "mnasnet", run_id=second["run_id"]) | {"verdict": "unavailable"}
    write_tables(tmp_path, [device()], [first, second, missing])
    assert "<b>runs</b> 2 (no instance in both of them), 2026-11-22" in banner_html(load(tmp_path))
    write_tables(tmp_path, [device()], [first, second, missing | {"verdict": "valid"}])
    assert "<b>runs</b> 2, 2026-11-22" in banner_html(load(tmp_path))


def test_the_banner_names_model_files_that_failed_their_check(tmp_path: Path) -> None:
    failed = {
        "model_sha256": "a",
        "parity_passed": False,
        "parity_finding": "only 22% of <the> images",
        "verdict": "invalid",
    }
    passed = {"model_sha256": "b", "parity_passed": True, "parity_finding": "the same network"}
    one, other = instance("cpu", "squeezenet") | failed, instance("cpu", "mnasnet") | passed
    write_tables(tmp_path, [device()], [one, other])
    html = banner_html(load(tmp_path))
    assert "TFLite float32 SqueezeNet (only 22% of &lt;the&gt; images)" in html
    assert "MnasNet" not in html
    write_tables(tmp_path, [device()], [other])
    assert "left out" not in banner_html(load(tmp_path))


def test_the_banner_of_simulated_data_says_so_first(tmp_path: Path) -> None:
    write_tables(tmp_path, [device("simulated")], [instance("cpu", "mnasnet", "simulated")])
    html = banner_html(load(tmp_path, "simulated"))
    assert 'class="banner simulated"' in html
    assert "<strong>SIMULATED DATA</strong>, produced by a simulation. Nothing here was measured" in html


def test_a_sentence_has_its_commands_set_apart(displayed: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    say("1 < 2: `aiot run` & `aiot process`.")
    [(data, _)] = displayed
    assert data["text/html"] == "<p>1 &lt; 2: <code>aiot run</code> &amp; <code>aiot process</code>.</p>"
    assert data["text/plain"] == "1 < 2: `aiot run` & `aiot process`."


def test_tables_in_jupyterlab_bring_the_script_of_pages_once_per_cell(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(kernel=object(), execution_count=1)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    table(FRAME)
    table(FRAME)
    shell.execution_count = 2
    table(FRAME)
    script = TABLE_SCRIPT.read_text(encoding="utf-8")
    pages = [data["text/html"] for data, _ in displayed]
    assert [script in html for html in pages] == [True, False, True]
    assert all(html.startswith(f'<div class="aiot-output">{to_html(FRAME)}</div>') for html in pages)
    assert pages[1].endswith("</div><script>window.aiotTables?.()</script>")


def test_output_in_jupyterlab_has_the_colours_of_verdicts_of_pages_once_per_cell(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(kernel=object(), execution_count=1)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    colors = VERDICT_STYLE.read_text(encoding="utf-8")
    assert page.style().startswith(colors)
    display_html('<p class="yes">holds</p>', "holds")
    table(FRAME)
    shell.execution_count = 2
    display_html('<p class="no">differs</p>', "differs")
    assert [colors in data["text/html"] for data, _ in displayed] == [True, False, True]
    assert TABLE_SCRIPT.read_text(encoding="utf-8") in displayed[1][0]["text/html"]
    assert "<script" not in displayed[0][0]["text/html"] + displayed[2][0]["text/html"]


def test_a_link_to_another_page_is_left_open_and_its_words_remain(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    say("See `x` on [Latency & more](11_latency#latency_means), not [a] (b).")
    [(data, _)] = displayed
    assert data["text/html"] == (
        '<p>See <code>x</code> on <a class="page-link" data-page="11_latency#latency_means">Latency &amp; more</a>, '
        "not [a] (b).</p>"
    )
    assert data["text/plain"] == "See `x` on Latency & more, not [a] (b)."


def test_tables_of_reports_have_no_script_since_their_page_has_it(
    displayed: list[tuple[dict[str, Any], dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object(), execution_count=1))
    with export.beside_page(tmp_path, "page", ["measured"]).open():
        table(FRAME, name="numbers")
    [(data, _)] = displayed
    html = to_html(FRAME).replace("<div", '<div id="numbers"', 1)  # the target of links
    assert data["text/html"] == html + '<p class="files"><a href="figures/numbers.csv">data (CSV)</a></p>'
