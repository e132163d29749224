"""How Sphinx builds docs/ into a site: `make docs`.

Every page is Markdown, so that it can be read in the repository as well. The site asks nothing of the network: its
theme has no fonts of its own, its search index is a file beside the pages, and browsers draw the formulas (MathML).
"""

import ast
import re
import sys
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

project = "AIoTBench toolkit"
copyright = "2026, the AIoTBench toolkit authors"
html_title = "AIoTBench toolkit"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["examples"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
smartquotes = False  # --option is no dash
highlight_language = "none"

default_role = "code"  # docstrings write names between single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True


def inline_formula(writer, node):
    writer.body.append(tex2mathml(node.astext()))
    raise SkipNode


def block_formula(writer, node):
    writer.body.append(f'<div class="formula" tabindex="0">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def without_links_to_files(app, path, parent, content):
    """Names the files that an included text links to: the site has pages, and no files of the repository."""
    content[0] = re.sub(r"(?<!!)\[([^]]+)\]\((?!https?:|#)[^)]+\)", r"\1", content[0])


def with_docstrings(app, page, content):
    """Adds the public functions and classes of `run_suite` and the analysis to the page that is about them."""
    if page != "reference/python":
        return
    modules = ["runner.suite_run", "aiot_analysis.tables.data", "aiot_analysis.tables.storage"]
    paths = sorted((HERE.parent / "aiot_analysis" / "stats").rglob("*.py"))
    modules += [".".join(path.relative_to(HERE.parent).with_suffix("").parts) for path in paths]
    forms = {ast.FunctionDef: ".. autofunction:: {}", ast.ClassDef: ".. autoclass:: {}\n   :members:"}
    for module in modules:
        source = (HERE.parent / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
        found = [node for node in ast.parse(source).body if type(node) in forms and not node.name.startswith("_")]
        public = [forms[type(node)].format(f"{module}.{node.name}") for node in found]
        if public:
            lines = [f"\n## {module.removeprefix('aiot_analysis.')}", "```{eval-rst}", f".. automodule:: {module}", ""]
            content[0] += "\n".join([*lines, *public, "```", ""])


def plain(app, what, name, obj, options, lines):
    """Docstrings are plain text: what reStructuredText takes for emphasis or a substitution is none."""
    for number, line in enumerate(lines):
        parts = line.split("`")
        parts[::2] = [re.sub(r"([*|\\])|(?<=\w)(_)(?=\W|$)", r"\\\g<0>", part) for part in parts[::2]]
        lines[number] = "`".join(parts)


def setup(app):
    app.add_html_math_renderer("mathml", (inline_formula, None), (block_formula, None))
    app.connect("include-read", without_links_to_files)
    app.connect("source-read", with_docstrings)
    app.connect("autodoc-process-docstring", plain)
