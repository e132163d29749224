"""Tests that plot functions draw on the caller's axes or figure, and leave everything else there unchanged."""

import inspect

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from aiot_analysis import plots
from aiot_analysis.errors import FigureError
from aiot_analysis.plots import style
from aiot_analysis.stats import (
    accuracy,
    agreement,
    answer_sets,
    complexity,
    drift,
    latency,
    operators,
    published_speed,
    resize,
    runtimes,
    shares,
    tradeoff,
    vips,
    vips_sensitivity,
)
from aiot_analysis.tables import along as stability
from aiot_analysis.tables import select
from tests.aiot_analysis.conftest import computer, instances
from tests.aiot_analysis.networks import fire, residual
from tests.aiot_analysis.plots import (
    test_accuracy_resize,
    test_agreement,
    test_answer_sets,
    test_latency_stability,
    test_operators_and_modules,
    test_plots,
    test_print,
    test_published_speed,
    test_score,
    test_shares_speed_ups,
)
from tests.aiot_analysis.stats import published

ORIGIN = "measured · end to end"


def takes_a_frame(function):
    signature = inspect.signature(function)
    first = next(iter(signature.parameters.values()), None)
    return signature.return_annotation == "Figure" and first is not None and first.annotation == "pd.DataFrame"


FUNCTIONS = [
    function
    for module in dir(plots)
    for name, function in inspect.getmembers(getattr(plots, module), inspect.isfunction)
    if function.__module__ == f"aiot_analysis.plots.{module}" and not name.startswith("_") and takes_a_frame(function)
]
PUBLIC = {function.__name__: function for function in FUNCTIONS}
"""The public plot functions, by name: they take a frame and return a figure."""


@pytest.fixture(scope="module")
def arguments():
    """Return the frames for each public plot function."""
    rows, _ = select.measured_rows(computer())
    pictures = test_plots.records(rows).assign(device_id="local")
    along = test_latency_stability.measured()
    moved = drift.most_moved(drift.drifts(along))
    points = complexity.complexity(rows)
    score_rows = test_score.fleet(3)
    residuals = complexity.residuals(complexity.complexity(instances(*test_score.six(), *test_score.six("phone", 2.0))))
    versions = runtimes.versions(rows, pictures, resamples=50)
    answers = [test_agreement.answers()]
    speed_ups = test_shares_speed_ups.frame(2)
    networks = test_answer_sets.NETWORKS
    samples = [answer_sets.sample(item, 200, n_classes=3) for item in networks]
    pair = answer_sets.choose_pair(networks)
    pairs = answer_sets.seen_in_samples(answer_sets.pairs(networks), samples)
    return {
        "frameworks": [accuracy.with_interval(rows)],
        "quantizations": [accuracy.with_interval(rows)],
        "noise": [
            agreement.cochran(answers),
            agreement.instability(answers),
            test_agreement.REPEATS,
        ],
        "against": [agreement.compare_with(answers, "phone-00"), {"base": "phone-00"}],
        "scatter": [points],
        "networks": [points],
        "off_line": [residuals, complexity.implementations(residuals)],
        "grid": [computer()],
        "distribution": [latency.summary(pictures)],
        "phases": [latency.phases(pictures)],
        "typical_modules": [operators.boxes(pd.concat([fire(), residual()]))],
        "breakdown": [operators.shares(test_operators_and_modules.FRAME)],
        "convolution_times": [operators.convolution_times(test_operators_and_modules.FRAME)],
        "tradeoff": [tradeoff.tradeoff(rows, pictures)],
        "by_time": [versions],
        "front": [versions],
        "latency": [rows],
        "resizing": [test_accuracy_resize.summary(resize.WAYS)],
        "accuracy_over_time": [accuracy.with_interval(rows)],
        "time_shares": [shares.frameworks(rows, partial=True)],
        "speed_ups": [
            speed_ups,
            latency.over_devices(speed_ups, ["model", "implementation"]),
            {"base": "TFLite CPU"},
        ],
        "tails": [latency.summary(along, "inference")],
        "along_run": [drift.times_along_run(along, moved), moved],
        "stability_scores": [stability.scores(along)],
        "slowdown": [drift.bursts(along)],
        "ranking": [vips.scores(score_rows)],
        "timings": [vips_sensitivity.timings(score_rows)],
        "weights": [vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(score_rows))],
        "contributions": [vips.contributions(score_rows)],
        "published_accuracy": [answer_sets.accuracies(networks)],
        "disagreement": [answer_sets.disagreements(networks)],
        "unstable_classes": [answer_sets.classes(networks[0])],
        "sample_spread": [answer_sets.spread_counts(samples), answer_sets.spreads(samples)],
        "pair_change": [answer_sets.change_counts(pair, samples[0]), pair.of(pairs)],
        **test_published_speed.frames(published_speed.profiles(published.instances())),
    }


@pytest.fixture
def draw(arguments):
    def drawn(name, origin=ORIGIN, **target):
        *frames, last = arguments[name]
        named = last if isinstance(last, dict) else {}
        return PUBLIC[name](*frames, *([] if named else [last]), origin=origin, **named, **target)

    yield drawn
    pyplot.close("all")


def test_every_function_takes_axes_or_a_figure_and_is_tested_here(arguments):
    assert set(arguments) == set(PUBLIC) and len(PUBLIC) == len(FUNCTIONS)
    for name, function in PUBLIC.items():
        parameters = inspect.signature(function).parameters
        assert {parameters[target].kind for target in ("ax", "fig")} == {inspect.Parameter.KEYWORD_ONLY}, name
        assert "existing axes `ax`" in function.__doc__ and "Returns the figure" in function.__doc__, name


def vertices(path):
    return path.vertices[~np.isnan(path.vertices).any(axis=1)].round(6).tolist()


def data(axes):
    """Return the data of all artists of a panel."""
    items = [line.get_xydata().round(6).tolist() for line in axes.lines]
    items += [vertices(patch.get_patch_transform().transform_path(patch.get_path())) for patch in axes.patches]
    for collection in axes.collections:
        items.append(np.ma.filled(collection.get_offsets(), -1).round(6).tolist())
        items += [vertices(path) for path in collection.get_paths()]
    return [str(item) for item in items] + [str(image.get_array()) for image in axes.images]


def legend_words(legends):
    return [text.get_text().replace("\n", " ") for legend in legends if legend for text in legend.get_texts()]


def is_empty(figure):
    """Return whether nothing is drawn on a figure outside of its axes and subfigures."""
    return not (figure.texts or figure.legends or figure.lines or figure.get_supxlabel() or figure.get_suptitle())


def untouched(axes):
    fresh = pyplot.figure().add_subplot()
    pyplot.close(fresh.figure)
    settings = mpl.artist.ArtistInspector(axes).properties()
    reference = mpl.artist.ArtistInspector(fresh).properties()
    same = all(settings[name] == reference[name] for name in ("xlim", "ylim", "xlabel", "ylabel", "title", "label"))
    return same and not axes.has_data() and len(axes.get_children()) == len(fresh.get_children())


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_figure_fills_a_subfigure_and_leaves_the_others_empty(name, draw):
    alone = draw(name)
    figure = pyplot.figure(figsize=(7.2, 9.0), layout="constrained")
    target, *others = figure.subfigures(2, 2).flat
    assert draw(name, fig=target) is figure
    assert tuple(figure.get_size_inches()) == (7.2, 9.0) and pyplot.get_fignums() == [figure.number]
    assert is_empty(figure) and all(is_empty(other) and not other.axes for other in others)
    assert [data(axes) for axes in target.axes] == [data(axes) for axes in alone.axes]
    assert legend_words(target.legends) == legend_words(alone.legends)
    assert target.get_label() == figure.get_label() == alone.get_label()
    assert target.get_supxlabel() == ORIGIN
    assert style.figure_source(figure) is None  # which would draw on the figure again
    assert test_print.outside(figure, test_print.words(figure)) == []


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_figure_of_one_panel_is_drawn_on_axes_and_leaves_the_others_empty(name, draw):
    alone = draw(name)
    figure, axes = pyplot.subplots(2, 2, figsize=(7.2, 5.0), layout="constrained")
    target, *others = axes[::-1].flat
    if len(alone.axes) > 1:
        with pytest.raises(FigureError, match=f"has {len(alone.axes)} panels .* pass an empty figure or subfigure as"):
            draw(name, ax=target)
        assert untouched(target) and is_empty(figure)
        return
    assert draw(name, ax=target) is figure
    assert tuple(figure.get_size_inches()) == (7.2, 5.0) and pyplot.get_fignums() == [figure.number]
    assert is_empty(figure) and all(untouched(other) for other in others) and len(figure.axes) == 4
    assert data(target) == data(alone.axes[0])
    assert legend_words([target.get_legend()]) == legend_words(alone.legends)
    assert target.get_label() == figure.get_label() == alone.get_label()
    assert test_print.outside(figure, test_print.words(figure)) == []
    if target.get_legend():
        box, room = target.get_legend().get_window_extent(), target.get_window_extent()
        assert room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1


def test_figures_share_a_figure_with_one_alternative_text(draw):
    figure, (left, right) = pyplot.subplots(1, 2, layout="constrained")
    draw("ranking", ax=left)
    draw("timings", origin="simulated · end to end", ax=right)
    assert figure.get_label() == f"{left.get_label()} {right.get_label()}"
    assert right.get_label().startswith("Simulated data. ")
    marks = [[text.get_text() for text in axes.texts if "SIMULATED" in text.get_text()] for axes in (left, right)]
    assert marks == [[], ["SIMULATED · end to end", "SIMULATED"]]
    [mark] = [text for text in right.texts if text.get_text() == "SIMULATED"]
    assert mark.get_zorder() < min(artist.get_zorder() for artist in right.get_children() if artist is not mark)
    named = pyplot.figure("mine")
    draw("ranking", fig=named)
    assert named.get_label() == "mine"


def test_axes_get_the_style_of_the_project_and_the_names_of_devices_as_they_are(draw, arguments):
    before = dict(mpl.rcParams)
    figure, axes = pyplot.subplots(layout="constrained")
    devices = pd.DataFrame([{"device_id": "local", "maker": "", "model": "a $\\frac$ b"}])
    plots.latency.distribution(*arguments["distribution"], ORIGIN, devices, ax=axes)
    figure.draw_without_rendering()
    assert axes.get_title(loc="left") == "a $\\frac$ b"
    assert not axes.spines["top"].get_visible()
    assert axes.yaxis.get_ticklabels()[0].get_fontsize() == style.SMALL
    assert dict(mpl.rcParams) == before


def test_what_cannot_be_drawn_on_is_one_sentence(draw):
    figure, axes = pyplot.subplots(2, 2)
    removed = pyplot.figure().add_subplot()
    removed.remove()
    wrong = {
        "`ax` was removed from its figure: pass axes that are on a figure": {"ax": removed},
        "`ax` is of type ndarray: pass single axes": {"ax": axes},
        "`fig` is of type Axes: pass a figure or subfigure, or axes as `ax`": {"fig": axes[0, 0]},
        "`fig` has axes already: pass one of them as `ax`, or an empty subfigure": {"fig": figure},
        "Both `ax` and `fig` were passed: pass one of them": {"fig": pyplot.figure(), "ax": axes[0, 0]},
    }
    for sentence, target in wrong.items():
        with pytest.raises(FigureError, match=sentence):
            draw("ranking", **target)
    assert all(untouched(panel) for panel in axes.flat) and is_empty(figure)
