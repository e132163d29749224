"""Files of figures and tables: what is in them, byte by byte where that matters."""

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
from PIL import Image

from aiot_analysis.display import export
from aiot_analysis.display.columns import Words
from aiot_analysis.display.export import Item, Sink
from aiot_analysis.display.show import show, table
from aiot_analysis.errors import ReportError
from aiot_analysis.plots import shares, style

FIGURE = Item("fig5_shares", "Fig. 5", "Share of 100 % & more", "figure", "simulated")
TABLE = Item("table4_vips", "Table IV", "Scores_of 10 %", "table", "measured")
FRAME = pd.DataFrame({"device": ["a|b_c", "50 % & ~"], "vips": [1 / 3, None], "ok": [True, False]})
WORDS = Words(
    pd.DataFrame({"device": ["a|b_c", "50 % & ~"], "vips": ["0.33", "–"], "ok": ["✓", "<no>"]}), [False, True, False]
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
    assert "SIMULATED" in [text.get_text() for text in draw().texts]
    assert "Simulated data." in (tmp_path / "fig5_shares.svg").read_text()
    assert b"Simulated data." in (tmp_path / "fig5_shares.png").read_bytes()
    assert b"Simulated data." in (tmp_path / "fig5_shares.pdf").read_bytes()
    assert set(pd.read_csv(tmp_path / "fig5_shares.csv")["origin"]) == {"simulated"}
    item = Item("t", "", "Scores", "table", "simulated")
    assert export.latex(item, WORDS).startswith("% Simulated data")
    assert r"\caption{Simulated data. Scores}" in export.latex(item, WORDS)
    assert export.markdown(item, WORDS).startswith("Simulated data")


def test_a_csv_has_the_numbers_in_full(tmp_path: Path) -> None:
    write(tmp_path)
    found = pd.read_csv(tmp_path / "fig5_shares.csv", keep_default_na=False)
    assert found.drop(columns="origin").equals(timed())
    assert "0.30000000000000004" in (tmp_path / "fig5_shares.csv").read_text()


def test_a_table_in_latex_is_escaped() -> None:
    text = export.latex(TABLE, WORDS)
    assert text.splitlines()[:4] == ["% Scores_of 10 %", "% origin: measured", r"\begin{table}[t]", r"\centering"]
    assert r"\caption{Scores\_of 10 \%}" in text
    assert r"\begin{tabular}{lrl}" in text and r"\toprule" in text
    assert r"a\textbar{}b\_c & 0.33 & $\checkmark$ \\" in text
    assert r"50 \% \& \textasciitilde{} & -- & $<$no$>$ \\" in text


def test_a_long_table_in_latex_goes_over_pages() -> None:
    long = Words(pd.concat([WORDS.frame] * 30), WORDS.numeric)
    assert r"\begin{longtable}{lrl}" in export.latex(TABLE, long)


def test_a_table_in_markdown_is_escaped() -> None:
    assert export.markdown(TABLE, WORDS) == (
        "Scores_of 10 % (origin: measured)\n\n"
        "| device | vips | ok |\n| :-- | --: | :-- |\n"
        "| a\\|b_c | 0.33 | ✓ |\n| 50 % & ~ | – | &lt;no> |\n"
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
    assert "| 50 % & ~ | – | no |" in (tmp_path / "part" / "mine.md").read_text()
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
