"""Which sections of an executed notebook its page shows."""

import nbformat

from aiot_analysis.report import sections


def test_a_sentence_takes_the_place_of_its_section_and_is_not_repeated() -> None:
    """Headings may follow other text in a cell; the sections before and after stay as they are."""
    output = nbformat.v4.new_output
    sentence = {"data": {"text/html": "<p>Run it.</p>"}, "metadata": {"text/html": {"role": "replaces section"}}}
    plain = {"data": {"text/html": "<p>Numbers</p>"}}
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\n## First\n\n### Part"),
        nbformat.v4.new_code_cell("1", outputs=[output("display_data", **plain)]),
        nbformat.v4.new_markdown_cell("End of the first.\n\n## Second\n\nWhat it is."),
        nbformat.v4.new_code_cell("2", outputs=[output("display_data", **sentence)]),
        nbformat.v4.new_code_cell("3", outputs=[output("display_data", **plain)]),
        nbformat.v4.new_markdown_cell("## Third"),
        nbformat.v4.new_code_cell("4", outputs=[output("display_data", **sentence)]),
        nbformat.v4.new_markdown_cell("More of the third.\n\n## Fourth\n"),
        nbformat.v4.new_code_cell("5", outputs=[output("display_data", **plain)]),
    ]
    shown = sections.shown(cells)
    assert [cell.source.strip() for cell in shown if cell.cell_type == "markdown"] == [
        "# Title", "## First", "### Part", "End of the first.", "## Fourth",
    ]  # fmt: skip
    texts = [[item.data["text/html"] for item in cell.outputs] for cell in shown if cell.cell_type == "code"]
    assert texts == [["<p>Numbers</p>"], ["<p>Run it.</p>"], ["<p>Numbers</p>"]]
    assert "Third" in cells[5].source, "the executed notebook is left unchanged"


def test_sections_without_output_are_left_out_and_headings_above_others_stay() -> None:
    new = nbformat.v4
    warning = new.new_output("stream", name="stderr", text="slow")
    output = new.new_output("display_data", data={"text/html": "<p>Numbers</p>"})
    cells = [
        new.new_markdown_cell("# Title\n\nText"),
        new.new_code_cell("1"),
        new.new_markdown_cell("## Empty\n\nWhat it is"),
        new.new_code_cell("2", outputs=[warning]),
        new.new_markdown_cell("## Above\n\nStays with its heading"),
        new.new_code_cell("3"),
        new.new_markdown_cell("### Below"),
        new.new_code_cell("4", outputs=[output]),
        new.new_markdown_cell("## Only text\n\n```\n## a comment\n```"),
    ]
    sources = [cell.source for cell in sections.shown(cells)]
    assert sources == [
        "# Title\n\nText",
        "1",
        "## Above\n\nStays with its heading",
        "### Below",
        "4",
        "## Only text\n\n```\n## a comment\n```",
    ]
