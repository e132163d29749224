"""Files of figures and tables: what is in them, byte by byte where that matters."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from aiot_analysis.display import export
from aiot_analysis.display.columns import Words
from aiot_analysis.display.export import Item, Sink
from aiot_analysis.display.show import show, table
from aiot_analysis.errors import ReportError
from aiot_analysis.plots import shares, style

FIGURE = Item("fig5_shares", "Fig. 5", "Share of 100% & more", "figure", "simulated")
TABLE = Item("table4_vips", "Table IV", "Scores_of 10%", "table", "measured")
FRAME = pd.DataFrame({"device": ["a|b_c", "50% & ~"], "vips": [1 / 3, None], "ok": [True, False]})
WORDS = Words(
    pd.DataFrame({"device": ["a|b_c", "50% & ~"], "vips": ["0.33", "–"], "ok": ["✓", "<no>"]}),
    [False, True, False],
    [False] * 3,
)


def timed(devices: int = 2) -> pd.DataFrame:
    """Shares of two frameworks of two models."""
    rows = [
        {"model": model, "device_id": f"d{n}", "implementation": one, "share": share, "missing": ""}
        for model in ("resnet50", "mnasnet")
        for n in range(devices)
        for one, share in (("tflite_cpu", 0.1 + 0.2), ("pytorch_cpu", 0.7))
    ]
    return pd.DataFrame(rows)


def draw(devices: int = 2) -> Figure:
    return shares.time_shares(timed(devices), "SIMULATED · end to end")


def sink(folder: Path, **other: Any) -> Sink:
    folder.mkdir(exist_ok=True)
    return Sink(**{"folder": str(folder), "formats": export.FORMATS, "origin": "simulated", **other})


def write(folder: Path, **other: Any) -> list[str]:
    figure = draw()
    known = style.figure_source(figure)
    assert known
    return export.figure(sink(folder, **other), FIGURE, figure, known.frames)


def test_a_figure_is_written_for_both_columns_and_with_its_numbers(tmp_path: Path) -> None:
    files = write(tmp_path, widths=("single", "double"))
    kinds = [f"fig5_shares_{width}.{kind}" for width in ("single", "double") for kind in ("pdf", "svg", "png")]
    kinds.insert(3, "fig5_shares_single.tex")
    assert files == [*kinds, "fig5_shares_double.tex", "fig5_shares.csv"]
    for width, points in (("single", 252.0), ("double", 515.52)):  # 72 to an inch
        box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ", (tmp_path / f"fig5_shares_{width}.pdf").read_bytes())
        assert box and float(box[1]) == pytest.approx(points)
        with Image.open(tmp_path / f"fig5_shares_{width}.png") as picture:
            assert picture.width == pytest.approx(points / 72 * 300, abs=1)
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert sink(tmp_path).written() == [{**FIGURE.__dict__, "files": files}]


def test_a_figure_is_not_drawn_anew_for_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "lay_out", lambda figure: pytest.fail("it was laid out"))
    assert write(tmp_path, widths=("single", "double"), formats=("csv", "tex", "md")) == ["fig5_shares.csv"]


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder, widths=("single",))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def type3(path: Path) -> bool:
    return b"/Type3" in path.read_bytes()


def test_pdfs_have_type_42_fonts_whatever_the_settings_say(tmp_path: Path) -> None:
    sheet = tmp_path / "own.mplstyle"
    sheet.write_text("pdf.fonttype: 3\nsvg.fonttype: none\nfont.size: 9\n")
    write(tmp_path, widths=("single",), sheet=str(sheet))
    assert not type3(tmp_path / "fig5_shares_single.pdf")
    assert b"/FontFile2" in (tmp_path / "fig5_shares_single.pdf").read_bytes()  # TrueType, embedded
    assert b"<text" not in (tmp_path / "fig5_shares_single.svg").read_bytes()
    with rc_context({"pdf.fonttype": 3}):  # that there is something to find
        draw().savefig(tmp_path / "bad.pdf")
    assert type3(tmp_path / "bad.pdf")


@pytest.mark.skipif(not shutil.which("pdffonts"), reason="poppler-utils is not installed")
def test_pdffonts_finds_no_type_3(tmp_path: Path) -> None:
    write(tmp_path, widths=("single",))
    found = subprocess.run(
        ["pdffonts", str(tmp_path / "fig5_shares_single.pdf")], capture_output=True, text=True, check=True
    )
    assert "TrueType" in found.stdout
    assert "Type 3" not in found.stdout


def test_simulated_data_are_marked_in_every_format(tmp_path: Path) -> None:
    write(tmp_path)
    for axes in draw().axes:  # a light mark in each panel with data
        assert axes.has_data() == ("SIMULATED" in [text.get_text().strip() for text in axes.findobj(Text)])
    assert "Simulated data." in (tmp_path / "fig5_shares.svg").read_text()
    assert b"Simulated data." in (tmp_path / "fig5_shares.png").read_bytes()
    assert b"Simulated data." in (tmp_path / "fig5_shares.pdf").read_bytes()
    assert set(pd.read_csv(tmp_path / "fig5_shares.csv")["origin"]) == {"simulated"}
    item = Item("t", "", "Scores", "table", "simulated")
    assert export.latex(item, WORDS).startswith("% Simulated data")
    assert r"\caption{Simulated data. Scores}" in export.latex(item, WORDS)
    assert export.markdown(item, WORDS).startswith("Simulated data")


def saved(monkeypatch: pytest.MonkeyPatch, folder: Path, **options: Any) -> Figure:
    """The figure that is saved for a single column."""
    figures: list[Figure] = []
    monkeypatch.setattr(export, "save", lambda drawn, *_: figures.append(drawn))
    write(folder, widths=("single",), formats=("pdf",), **options)
    [figure] = figures
    return figure


def test_the_origin_line_can_be_omitted_but_not_the_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {line: saved(monkeypatch, tmp_path / str(line), origin_line=line) for line in (True, False)}
    assert figures[True].get_supxlabel() == "SIMULATED · end to end"
    assert figures[False].get_supxlabel() == ""
    for figure in figures.values():
        assert "SIMULATED" in [text.get_text().strip() for text in figure.findobj(Text)]
        assert str(figure.get_label()).startswith("Simulated data. ")
    bottom = {line: min(axes.get_position().y0 for axes in figure.axes) for line, figure in figures.items()}
    assert bottom[False] < bottom[True] - 0.01, "its room goes to the panels"


def test_an_own_sheet_is_laid_over_that_of_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = saved(monkeypatch, tmp_path / "preset", preset="acm")
    assert figure.get_size_inches()[0] == 3.33
    assert [text.get_fontfamily() for text in figure.legends[0].texts] == [["serif", "DejaVu Sans"]] * 2
    sheet = tmp_path / "own.mplstyle"
    sheet.write_text("font.family: monospace\n")
    figure = saved(monkeypatch, tmp_path / "both", preset="acm", sheet=str(sheet))
    assert figure.get_size_inches()[0] == 3.33
    for text in figure.legends[0].texts:
        assert (text.get_fontfamily(), text.get_fontsize()) == (["monospace"], 8)  # 7.5 in the project's


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ('=HYPERLINK("x")', '\'=HYPERLINK("x")'),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("x\r=1", "x =1"),
        ("Xiaomi =1", "Xiaomi =1"),
        ("-5", "-5"),
        ("+1,234.5%", "+1,234.5%"),
        ("+1,234.5 %", "+1,234.5 %"),
        ("-", "-"),
        ("−5 ms", "−5 ms"),
    ],
)
def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path, cell: str, written: str) -> None:
    frame = pd.DataFrame({"device": [cell, None], "kind": pd.Categorical([cell, "x"]), "ms": [-1.5, 2]})
    export.csv(frame, tmp_path / "table.csv", "measured")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first == {"device": written, "kind": written, "ms": "-1.5", "origin": "measured"}
    assert second == {"device": "", "kind": "x", "ms": "2.0", "origin": "measured"}


def test_a_csv_has_the_numbers_in_full(tmp_path: Path) -> None:
    write(tmp_path)
    found = pd.read_csv(tmp_path / "fig5_shares.csv", keep_default_na=False)
    assert found.drop(columns="origin").equals(timed())
    assert "0.30000000000000004" in (tmp_path / "fig5_shares.csv").read_text()


def test_a_table_in_latex_is_escaped() -> None:
    text = export.latex(TABLE, WORDS)
    assert text.splitlines()[:4] == ["% Scores_of 10%", "% origin: measured", r"\begin{table}[t]", r"\centering"]
    assert r"\caption{Scores\_of 10\%}" in text
    assert r"\begin{tabular}{lrl}" in text and r"\toprule" in text
    assert r"a\textbar{}b\_c & 0.33 & $\checkmark$ \\" in text
    assert r"50\% \& \textasciitilde{} & -- & $<$no$>$ \\" in text


def table_of(*columns: tuple[str, bool, str], rows: int = 2) -> Words:
    """A table of equal rows, from the heading of each column, whether it holds numbers, and its text."""
    frame = pd.DataFrame([[text for _, _, text in columns]] * rows, dtype=str)
    return Words(
        frame.set_axis([heading for heading, _, _ in columns], axis=1),
        [number for _, number, _ in columns],
        [False] * len(columns),
    )


def test_a_table_wider_than_a_column_takes_both() -> None:
    narrow, wide = table_of(("a", False, "x" * 30)), table_of(("a", False, "x" * 60))
    for words, name in ((narrow, "table"), (wide, "table*")):
        text = export.latex(TABLE, words)
        assert f"\\begin{{{name}}}[t]\n\\centering\n" in text
        assert text.endswith(f"\\end{{tabular}}\n\\end{{{name}}}\n")


def test_long_text_is_wrapped_where_a_table_would_be_wider_than_a_page() -> None:
    text = export.latex(TABLE, table_of(("device", False, "short"), ("remark", False, "many words " * 30)))
    kinds = re.search(r"\\begin\{tabular\}\{l>\{\\raggedright\\arraybackslash\}p\{(\d+)pt\}\}", text)
    assert kinds and 300 < int(kinds[1]) < 506
    assert "pt wide" not in text
    text = export.latex(TABLE, table_of(*[(f"number {n}", True, "123.456789") for n in range(20)]))
    assert "pt wide: omit columns, or turn it" in text


def test_addresses_break_after_slashes_and_underscores() -> None:
    address = "https://example.org/a_folder/" + "/".join(["part"] * 60)
    text = export.latex(TABLE, table_of(("device", False, "local"), ("address", False, address)))
    assert r"https://\allowbreak{}example.org/\allowbreak{}a\_\allowbreak{}folder/\allowbreak{}part/" in text
    assert "pt wide" not in text
    assert address in export.markdown(TABLE, table_of(("address", False, address)))


def test_a_long_heading_has_several_lines() -> None:
    text = export.latex(TABLE, table_of(("rank by the exact clock", True, "1"), ("b", False, "2")))
    assert r"\shortstack[r]{rank by the\\{}exact clock} & b \\" in text


def test_negative_numbers_have_minus_signs() -> None:
    words = table_of(("change", True, "-0.1 (-0.25 to -.5)"), ("phone", False, "SM-10 of 2020-01-02, 1e-05"))
    assert r"$-$0.1 ($-$0.25 to $-$.5) & SM-10 of 2020-01-02, 1e-05 \\" in export.latex(TABLE, words)
    assert "| −0.1 (−0.25 to −.5) | SM-10 of 2020-01-02, 1e-05 |" in export.markdown(TABLE, words)


def test_a_row_that_starts_like_an_option_is_not_taken_for_one() -> None:
    assert "\n{}[a] & 1" in export.latex(TABLE, table_of(("a", False, "[a]"), ("b", True, "1")))


def test_no_two_columns_have_one_heading() -> None:
    headings = ["model", "operations, millions", "printed", "difference", "parameters", "printed", "difference"]
    assert export.distinct(headings) == [
        *["model", "operations, millions", "operations: printed", "operations: difference"],
        *["parameters", "parameters: printed", "parameters: difference"],
    ]
    assert export.distinct(["instance", "instance", "instance"]) == ["instance", "instance (2)", "instance (3)"]
    words = table_of(("a", False, "x"), ("n", True, "1"), ("b", False, "y"), ("n", True, "2"))
    assert "a & a: n & b & b: n" in export.latex(TABLE, words)
    assert export.markdown(TABLE, words).splitlines()[2] == "| a | a: n | b | b: n |"


LONG = "Time as a multiple (of the fastest, which is " + "a " * 20 + "one): median over devices, and more"


@pytest.mark.parametrize(
    ("caption", "short"),
    [
        ("Short", "Short"),
        ("One sentence. And another.", "One sentence."),
        ("First clause; the rest", "First clause"),
        ("Wilson's 95% interval, e.g. one", "Wilson's 95% interval, e.g. one"),
        (LONG, "Time as a multiple"),
        ("word " * 30, ("word " * 24) + "…"),
    ],
)
def test_a_caption_in_latex_is_short_and_the_whole_one_is_a_comment(caption: str, short: str) -> None:
    assert export.short_caption(caption) == short
    assert len(export.short_caption(caption, 20).replace("…", "").split()) <= 20
    item = Item("x", "", caption, "table", "simulated")
    text = export.latex(item, WORDS)
    printed = re.search(r"\\caption\{(.*)\}$", text, re.MULTILINE)
    assert printed and printed[1].startswith("Simulated data. ")
    assert len(printed[1].split()) < 25 + (r"\ldots" in printed[1])
    assert " ".join(caption.split()) in text.splitlines()[0]


def test_a_figure_has_a_float_for_each_width_with_names_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, widths=("single", "double"), formats=("pdf", "tex"))
    for width, name in (("single", "figure"), ("double", "figure*")):
        lines = (tmp_path / f"fig5_shares_{width}.tex").read_text().splitlines()
        assert lines[0].startswith("% Simulated data") and lines[2].startswith("% description: Simulated data. ")
        assert lines[3:] == [
            f"\\begin{{{name}}}[t]",
            r"\centering",
            rf"\includegraphics[width=\linewidth]{{fig5_shares_{width}.pdf}}",
            r"\caption{Simulated data. Share of 100\% \& more}",
            r"\label{fig:fig5_shares}",
            f"\\end{{{name}}}",
        ]


SIGNS = "✓ ✗ × ◇ ≥ ≤ ρ τ ² → ± − – — … · ≈ “ ” & % $ # _ { } ~ ^ \\ | < > é"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="LaTeX is not installed")
def test_latex_accepts_the_files_in_two_columns(tmp_path: Path) -> None:
    files = write(tmp_path, widths=("single", "double"), formats=("pdf", "tex"))
    tables = {
        "signs": table_of(("[signs] of & [all] there", False, "x"), ("signs", False, SIGNS), ("n", True, "-1")),
        "wide": table_of(*[(f"column {n} with a name", True, "0.123 (-0.1 to 0.2)") for n in range(7)]),
        "wrapped": table_of(("device", False, "short"), ("remark", False, "many words " * 30)),
        "address": table_of(("a", False, "b"), ("c", False, "https://example.org/" + "a_part/" * 60)),
    }
    for name, words in tables.items():
        text = export.latex(Item(name, "", f"Caption {SIGNS}", "table", "paper"), words)
        (tmp_path / f"{name}.tex").write_text(text)
    (tmp_path / "long.tex").write_text(export.latex(TABLE, table_of(("a", False, "x"), rows=60)))
    inputs = [*(file for file in files if file.endswith(".tex")), *(f"{name}.tex" for name in tables)]
    size = "paperwidth=8.5in,columnsep=2pc,inner=54pt,outer=54pt"  # of acmart
    body = "\n".join(rf"\input{{{file}}}" for file in inputs)
    (tmp_path / "paper.tex").write_text(
        r"\documentclass[twocolumn]{article}"
        rf"\usepackage[{size}]{{geometry}}\usepackage{{amssymb,array,booktabs,graphicx,longtable}}"
        rf"\begin{{document}}{body}\clearpage\onecolumn\input{{long.tex}}\end{{document}}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout)]
    assert max(too_wide, default=0) < 5
    assert "Missing character" not in (tmp_path / "paper.log").read_text(errors="replace")


def test_a_long_table_in_latex_goes_over_pages() -> None:
    long = Words(pd.concat([WORDS.frame] * 30), WORDS.numeric, WORDS.boolean)
    assert r"\begin{longtable}{lrl}" in export.latex(TABLE, long)


def test_a_table_in_markdown_is_escaped() -> None:
    assert export.markdown(TABLE, WORDS) == (
        "Scores_of 10% (origin: measured)\n\n"
        "| device | vips | ok |\n| :-- | --: | :-- |\n"
        "| a\\|b_c | 0.33 | ✓ |\n| 50% & ~ | – | &lt;no> |\n"
    )


def test_what_notebooks_show_is_written_where_a_sink_is_open(tmp_path: Path) -> None:
    opened = Sink(str(tmp_path / "part"), ("csv", "md"), "measured", names=("mine",), displayed=False)
    with opened.open():
        table(FRAME, "My table", name="mine", number="Table IV", formats={"vips": "{:.1f}"})
        table(FRAME, "Another", name="other")
        table(FRAME, "Without a name")
        show(draw(), "Not asked for", name="fig")
    assert export.current() is None
    [item] = opened.written()
    assert (item["name"], item["number"], item["files"]) == ("mine", "Table IV", ["mine.csv", "mine.md"])
    assert "| 50% & ~ | – | no |" in (tmp_path / "part" / "mine.md").read_text()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "foreign.txt").write_text("kept")
    assert opened.place(tmp_path / "out") == ["out/mine.csv", "out/mine.md"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["foreign.txt", "mine.csv", "mine.md"]
    assert not (tmp_path / "part").exists()


def test_what_the_paper_printed_is_not_called_measured(tmp_path: Path) -> None:
    opened = Sink(str(tmp_path / "part"), ("csv", "tex"), "simulated", displayed=False)
    with opened.open():
        table(FRAME, "the phones", name="table3", number="Table III", origin="paper")
    assert set(pd.read_csv(tmp_path / "part" / "table3.csv")["origin"]) == {"paper"}
    assert (tmp_path / "part" / "table3.tex").read_text().startswith("% As printed in the paper. the phones\n")


def test_a_figure_of_another_library_is_written_as_it_is(tmp_path: Path) -> None:
    figure = Figure(figsize=(3, 2), label="Nothing")
    opened = Sink(str(tmp_path / "part"), ("png", "csv"), "measured", widths=("single",), displayed=False)
    with opened.open():
        show(figure, "One", name="one", data=FRAME)
    assert [item["files"] for item in opened.written()] == [["one_single.png", "one.csv"]]


def test_a_variable_that_is_something_else_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("yes", json.dumps({"colour": "red"})):
        monkeypatch.setenv(export.VARIABLE, text)
        with pytest.raises(ReportError, match="unset it"):
            export.current()
