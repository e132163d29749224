"""Figures as compact SVG, for files, notebooks and pages."""

from __future__ import annotations

import io
import re
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from aiot_analysis.display.figure_colors import LIGHT, series_colors

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

CSS_PIXELS_PER_INCH = 96
NARROW_PX = 350  # width of the text on a phone that is 390 pixels wide
NARROW = NARROW_PX / CSS_PIXELS_PER_INCH  # inches
DENSE = 3000  # marks; more of one kind are drawn as pixels
FONTS = "'DejaVu Sans',Verdana,sans-serif"  # of about the same widths, so that the layout holds
_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_NUMBER = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")
_AXIS_ORDER = {"defs": 0, "path": 1, "use": 2}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def svg(figure: Figure, prefix: str) -> str:
    """Return a figure as an SVG element with a white ground, drawn once.

    `prefix` begins all ids, so that several drawings can be in one document. Text is text. Colours written as
    rgb(...) are the same in both themes, see `figure_colors.themed`.
    """
    from matplotlib import rc_context

    from aiot_analysis.plots import style

    style.lay_out(figure)
    fixed = _fix_colors(figure)
    for artist in figure.findobj(_is_dense):
        artist.set_rasterized(True)
    figure.patch.set_visible(False)  # the element has a background instead
    written = io.StringIO()
    with style.context(), rc_context({"svg.fonttype": "none", "svg.hashsalt": "aiotbench"}):
        unstated = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(written, format="svg", dpi=2 * CSS_PIXELS_PER_INCH, metadata=unstated)
    figure.patch.set_visible(True)
    root = ElementTree.fromstring(written.getvalue())
    width, height = (f"{round(inches * CSS_PIXELS_PER_INCH, 2):g}" for inches in figure.get_size_inches())
    box = " ".join(_round(number) for number in root.attrib["viewBox"].split())
    root.attrib = {"xmlns": _SVG[1:-1], "width": width, "height": height, "viewBox": box, "role": "img"}
    root.set("aria-label", str(figure.get_label()))
    root.set("font-family", FONTS)
    root.set("style", "background:#ffffff;fill:#000000;stroke-linejoin:round;text-rendering:geometricPrecision")
    _compact(root, prefix)
    text = ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")
    return re.sub("|".join(fixed), lambda match: _as_rgb(match[0]), text) if fixed else text


def narrow(figure: Figure, prefix: str) -> str:
    """Return a figure drawn again for a narrow screen, or "" if it is not from the package `plots`."""
    from aiot_analysis.plots import style

    source = style.figure_source(figure)
    if source is None:
        return ""
    with style.narrow(NARROW):
        return svg(source.again(), prefix)


def _as_rgb(color: str) -> str:
    return f"rgb({','.join(str(round(255 * part)) for part in to_rgb(color))})"


def _is_dense(artist: Artist) -> bool:
    """Return whether an artist has too many marks for a page."""
    return isinstance(artist, PathCollection) and len(artist.get_offsets()) > DENSE  # type: ignore[arg-type]


def _fix_colors(figure: Figure) -> set[str]:
    """Return the colours that are the same in both themes: those of images, and of text on marks and images.

    Such text gets a shade that nothing else has and that looks the same.
    """
    fixed = set()
    for axes in figure.axes:
        images = [image for image in axes.get_children() if isinstance(image, AxesImage)]
        for image in images:
            colors = getattr(image.get_cmap(), "colors", [])
            fixed |= {to_hex(color) for color in colors} - {LIGHT} if len(colors) < 20 else set()
        for text in axes.texts:
            if text.get_bbox_patch() is None and text.get_text().strip() and (images or _is_on_series(text, axes)):
                shade = to_hex(text.get_color())
                apart = f"#{int(shade[1:], 16) ^ 1:06x}"
                text.set_color(apart)
                fixed.add(apart)
    return fixed


def _is_on_series(text: Text, axes: Axes) -> bool:
    """Return whether the middle of a text is on a bar or a cell in the colour of a series, which themes do not turn."""
    box = text.get_window_extent()
    middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    for patch in axes.patches:
        if isinstance(patch, Rectangle) and patch.get_window_extent().contains(*middle):
            face = to_rgba(patch.get_facecolor())
            return face[3] > 0.5 and to_hex(face) in series_colors()
    x, y = axes.transData.inverted().transform(middle)
    for mesh in axes.collections:
        if isinstance(mesh, QuadMesh):
            mesh.update_scalarmappable()  # as before drawing
            edges, faces = np.asarray(mesh.get_coordinates()), np.asarray(mesh.get_facecolor())
            column, row = int((edges[0, :, 0] <= x).sum()) - 1, int((edges[:, 0, 1] <= y).sum()) - 1
            rows, columns = edges.shape[0] - 1, edges.shape[1] - 1
            if 0 <= column < columns and 0 <= row < rows:
                return to_hex(faces[row * columns + column]) in series_colors()
    return False


def _compact(root: Element, prefix: str) -> None:
    """Remove from a drawing of matplotlib what a page does not need, and shorten the rest, in place."""
    references = set(_REFERENCE.findall(" ".join(value for item in root.iter() for value in item.attrib.values())))
    references |= {item.attrib.get(f"{_XLINK}href", "").removeprefix("#") for item in root.iter()}
    ids: dict[str, str] = {}
    for item in root.iter():
        for name in [name for name in references if name == item.attrib.get("id")]:
            ids[name] = f"{prefix}-{len(ids)}"
    for pattern in root.iter(f"{_SVG}pattern"):
        _shrink(pattern)
    for item in list(root.iter()):
        item.tag = item.tag.removeprefix(_SVG)
        if item.tag != "text":
            item.text = None
        item.tail = None
        if item is not root:
            _shorten(item, ids)
    _prune(root)


def _shrink(pattern: Element) -> None:
    """Shrink a hatch of many circles, which matplotlib draws on 72 x 72 points, to the square that is repeated."""
    square, path = pattern
    marks = re.findall("M[^M]+", path.attrib["d"])
    if len(marks) < 100:
        return
    starts = [tuple(round(float(number), 1) for number in mark[1:].split()[:2]) for mark in marks]
    known = set(starts)
    lowest = min(y for _, y in starts)
    for side in (8, 12, 24):
        if all((x + side, y) in known or x + side > 72.5 for x, y in starts) and all(
            (x, round(y - side, 1)) in known or y - side < lowest for x, y in starts
        ):
            near = [mark for mark, (x, y) in zip(marks, starts, strict=True) if x < side + 6 and y < side + 6]
            path.attrib["d"] = "".join(near)
            pattern.attrib |= {"width": str(side), "height": str(side)}
            square.attrib |= {"width": str(side + 1), "height": str(side + 1)}
            return


def _shorten(item: Element, ids: dict[str, str]) -> None:
    attributes = item.attrib
    name = attributes.pop("id", "")
    if name.startswith("matplotlib.axis"):
        attributes["class"] = "axis"
    if name in ids:
        attributes["id"] = ids[name]
    target = attributes.pop(f"{_XLINK}href", "")
    if target:
        attributes["href"] = f"#{ids[target[1:]]}" if target.startswith("#") else target.replace("\n", "")
    for key in ("d", "x", "y", "width", "height", "transform", "points"):
        if key in attributes:
            attributes[key] = _round(attributes[key], 1 if item.tag in ("use", "text") else 2)
    if "d" in attributes:
        attributes["d"] = _straight(attributes["d"])
    if attributes.get("transform", "").startswith(("rotate(0 ", "rotate(-0 ")):
        del attributes["transform"]
    if "style" in attributes:
        rules = [rule.strip().replace(": ", ":", 1) for rule in attributes["style"].split(";")]
        rules = [
            _round(rule) for rule in rules if rule and not rule.startswith(("font-family", "stroke-linejoin:round"))
        ]
        attributes["style"] = ";".join(rules)
        if not rules:
            del attributes["style"]
    for key in ("style", "clip-path"):
        if key in attributes:
            attributes[key] = _REFERENCE.sub(lambda match: f"url(#{ids[match[1]]})", attributes[key])


def _prune(parent: Element) -> None:
    """Remove groups without purpose below an element, and combine neighbours of the same look."""
    children: list[Element] = []
    for child in parent:
        _prune(child)
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            continue
        if child.tag == "g" and not child.attrib:
            children += list(child)
        else:
            children.append(child)
    if parent.attrib.pop("class", "") == "axis":  # lines of the grid, ticks and labels do not overlap
        children.sort(key=lambda child: _AXIS_ORDER.get(child.tag, len(_AXIS_ORDER)))
    parent[:] = _grouped(_merged(children))
    if parent.tag == "g" and len(parent) == 1 and parent[0].tag == "g":
        inner = parent[0]
        if not parent.attrib.keys() & inner.attrib.keys():
            parent.attrib |= inner.attrib
            parent[:] = list(inner)


def _merged(children: list[Element]) -> list[Element]:
    """Combine successive paths of the same look, such as the bars of a series, unless they show through each other."""
    merged: list[Element] = []
    for child in children:
        last = merged[-1] if merged else None
        if (
            last is not None
            and child.tag == last.tag == "path"
            and "id" not in child.attrib
            and "opacity" not in child.get("style", "")
            and {**child.attrib, "d": ""} == {**last.attrib, "d": ""}
        ):
            last.attrib["d"] += child.attrib["d"]
        else:
            merged.append(child)
    return merged


def _grouped(children: list[Element]) -> list[Element]:
    """Put successive elements of the same look in a group that states it once."""
    grouped: list[Element] = []
    for look, run in groupby(children, key=lambda child: (child.get("style", ""), child.get("clip-path", ""))):
        members = list(run)
        inherited = any(look) and not re.search(r"(?:^|;)opacity", look[0])  # which would apply to the whole group
        if len(members) < 3 or not inherited:
            grouped += members
            continue
        group = ElementTree.Element(
            "g", {name: value for name, value in zip(("style", "clip-path"), look, strict=True) if value}
        )
        for member in members:
            for name in group.attrib:
                del member.attrib[name]
        group.extend(members)
        grouped.append(group)
    return grouped


def _round(text: str, places: int = 2) -> str:
    """Return a text with its decimal numbers rounded."""
    return _NUMBER.sub(lambda match: f"{round(float(match[0]), places) + 0.0:.{places}f}".rstrip("0").rstrip("."), text)


def _straight(path: str) -> str:
    """Return the data of a path with its horizontal and vertical lines as such, which is shorter."""
    parts = []
    x = y = ""
    for command, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        values: list[str] = numbers.split()
        x_new, y_new = [x, y, *values][-2:]
        if command == "L" and y_new == y:
            parts.append(f"H{x_new}")
        elif command == "L" and x_new == x:
            parts.append(f"V{y_new}")
        else:
            parts.append(command + " ".join(numbers.split()))
        x, y = x_new, y_new
    return "".join(parts)
