"""Tests that colour-blind readers and readers of grey print can distinguish series by shapes or colours."""

from itertools import combinations

import matplotlib.colors
import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, StepPatch

from aiot_analysis.plots import coverage, latency, operators, style
from aiot_analysis.words import listed
from tests.aiot_analysis.plots import test_latency_stability, test_plots

BLIND = ("deuteranomaly", "protanomaly", "tritanomaly")  # severity 100 of the three kinds of dichromacy
LEAST = 5.0  # in CAM02-UCS; about twice the difference that is visible side by side


def seen(color, how):
    """Return a colour as seen with a colour deficiency or in grey print."""
    rgb = np.array(matplotlib.colors.to_rgb(color))
    if how == "grey":
        lightness = cspace_convert(rgb, "sRGB1", "CIELab")[0]
        return cspace_convert([lightness, 0, 0], "CIELab", "sRGB1")
    return cspace_convert(rgb, {"name": "sRGB1+CVD", "cvd_type": how, "severity": 100}, "sRGB1").clip(0, 1)


def distance(first, second, how):
    return float(deltaE(seen(first, how), seen(second, how), input_space="sRGB1"))


def shape(handle):
    """Return what distinguishes a series in addition to its colour."""
    if isinstance(handle, Line2D):
        return (
            "line",
            handle.get_marker(),
            handle.get_linestyle(),
            str(handle.get_markerfacecolor()) in ("white", style.GROUND),
        )
    if isinstance(handle, PathCollection):
        [path] = handle.get_paths()
        return ("points", path.vertices.round(3).tobytes(), bool(handle.get_facecolor().size))
    if isinstance(handle, Patch):
        return ("area", handle.get_hatch())
    return (type(handle).__name__, len(handle.get_children()))


def color(handle):
    if isinstance(handle, PathCollection):
        return handle.get_edgecolor()[0]
    return handle.get_facecolor() if isinstance(handle, Patch) else handle.get_color()


def confused(figure):
    """Return the pairs of a legend that some readers cannot distinguish."""
    pairs = []
    for (first, first_handle), (second, second_handle) in combinations(getattr(figure, "handles", {}).items(), 2):
        first_artist, second_artist = artist(first_handle), artist(second_handle)
        if shape(first_artist) == shape(second_artist):
            nearest = min(distance(color(first_artist), color(second_artist), how) for how in (*BLIND, "grey"))
            if nearest < LEAST:
                pairs.append((first, second, round(nearest, 1)))
    return pairs


def artist(handle):
    """Return the artist of a handle, which may be a container."""
    if isinstance(handle, ErrorbarContainer):
        return handle.lines[0]
    return handle.patches[0] if isinstance(handle, BarContainer) else handle


@pytest.fixture(autouse=True)
def handles(monkeypatch):
    """Make figures keep the handles of their legends."""
    legend = style.legend

    def keep(figure, handles):
        figure.handles = dict(handles)
        legend(figure, handles)

    monkeypatch.setattr(style, "legend", keep)


def test_pairs_that_look_alike_to_colour_blind_readers_are_detected():
    figure, [axes] = style.panels(1, 1, 3, 2)
    del axes
    red, green, dark = (Patch(facecolor=color) for color in ("#c04000", "#7a6a00", "#000000"))
    style.legend(figure, {"red": red, "green": green, "dark": dark})
    assert [pair[:2] for pair in confused(figure)] == [("red", "green")]
    green.set_hatch("///")
    style.legend(figure, {"red": red, "green": green, "dark": dark})
    assert confused(figure) == []


def test_looks_differ_in_marker_and_hatch_and_their_colours_for_the_colour_blind():
    looks = style.palette()
    assert len({look.marker for look in looks}) == len({look.hatch for look in looks}) == len(looks)
    for look, other in combinations(looks, 2):
        assert min(distance(look.color, other.color, how) for how in BLIND) > LEAST


def test_looks_of_operators_differ_by_more_than_colour():
    for look, other_look in combinations(operators.looks().values(), 2):
        near = min(distance(look.color, other_look.color, how) for how in (*BLIND, "grey"))
        assert look.marker != other_look.marker and (look.hatch != other_look.hatch or near > LEAST)


SHARES = ("frameworks", "nnapi", "models", "quantizations")


def test_every_figure_of_one_device_and_of_a_fleet(one_device, fleet):
    part = fleet[fleet["device_id"] > "phone-28"]  # 23 of the 51: more have the same legends
    for frame in (one_device, part):
        figures = dict(test_plots.all_figures(frame))
        for name, figure in figures.items():
            if (name not in SHARES and name != "contributions") or frame is one_device:
                assert confused(figure) == [], name
    # bars of many devices have no hatches: in grey print, lines separate the parts, and their order identifies them
    for name in SHARES:
        drawn = [axes for axes in figures[name].axes if axes.patches]
        parts = list(figures[name].handles)
        assert bool(drawn) == (name != "quantizations")  # the fleet has no quantized instances
        for axes in drawn:
            lines = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
            assert len(lines) == len(parts)
            if axes.xaxis.get_tick_params()["labelbottom"]:
                order = axes.get_xlabel().replace("\n", " ")
                assert f"parts from below: {listed(parts)}" in order
    # the shades of a heatmap are steps of one scale
    luminances = [patch.get_facecolor()[:3] for patch in figures["contributions"].handles.values()]
    assert (np.diff(np.asarray(luminances) @ [0.2126, 0.7152, 0.0722]) < 0).all()


@pytest.mark.parametrize("devices", [1, 8])
def test_figures_of_stability(devices):
    for name, figure in test_latency_stability.figures(test_latency_stability.measured(devices)):
        assert confused(figure) == [], name


def test_the_shades_of_the_grid_of_stability_are_a_scale_in_grey_too():
    colors = [*latency.SHADES, *latency.CALM.values()]
    assert min(distance(color_, other, "grey") for color_, other in combinations(colors, 2)) > LEAST


def test_verdicts_have_symbols_beside_their_colours():
    assert len(set(coverage.SYMBOLS.values())) == len(coverage.SYMBOLS)
    for how in (*BLIND, "grey"):
        assert (
            min(distance(color_, other, how) for color_, other in combinations(coverage.colors().values(), 2)) > LEAST
        )


@pytest.mark.parametrize(
    ("ground", "text"), [("#0072B2", style.ON_DARK), ("#56B4E9", style.ON_LIGHT), (style.GROUND, style.INK)]
)
def test_text_can_be_read_on_its_ground(ground, text):
    assert style.ink(ground) == text


def test_a_light_colour_has_a_fifth_of_the_strength():
    assert style.light("#000000") == "#cccccc" and style.light("#ffffff") == "#ffffff"
