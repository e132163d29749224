import asyncio
import base64
import io
import json

import pandas as pd
import pytest

from aiot_analysis.charts import vegalite
from aiot_analysis.explore import explore
from aiot_analysis.explore import views as panels_module
from aiot_analysis.explore.explorer import DIMMED, FIRST
from aiot_analysis.plots import style
from aiot_analysis.tables import names


@pytest.fixture
def view(measured):
    return explore(measured)


def controls(widget):
    """Return every inner widget by the name in its CSS class, like {"models": SelectMultiple}."""
    widgets = {}
    for child in getattr(widget, "children", ()):
        widgets |= {name.removeprefix("aiot-"): child for name in child._dom_classes if name.startswith("aiot-")}
        widgets |= controls(child)
    return widgets


def drawn_frame(view, figure):
    """Return the frame from which a figure was drawn."""
    [frame] = style.figure_source(view.figures[figure]).frames.values()
    return frame


def content(box):
    """Return a figure as displayed, and the text below it."""
    return "".join(json.dumps(output) for output in box.figure.outputs) + box.text.value


def shown(view):
    """Return the content of every displayed figure."""
    return [content(box) for box in view._boxes.values() if content(box)]


def outputs(view):
    """Return the data and the metadata of every displayed figure by its name."""
    return {
        name: (output["data"], output["metadata"]) for name, box in view._boxes.items() for output in box.figure.outputs
    }


def test_at_first_everything_is_chosen_and_three_figures_are_there(view):
    assert tuple(view.figures) == FIRST
    assert len(view.rows) == 5
    assert len(drawn_frame(view, "accuracy over time")) == 5
    assert set(drawn_frame(view, "time per image")["instance_id"]) == set(view.rows["instance_id"])
    for name, (data, metadata) in outputs(view).items():
        label = view.figures[name].get_label()
        assert len(label) >= 40 and metadata["image/png"]["alt"] == data[vegalite.MIME]["description"] == label
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_a_change_of_a_list_redraws_every_figure_of_what_is_chosen(view):
    before = shown(view)
    controls(view.widget)["quantizations"].value = ["int8"]
    chosen = ["tflite_cpu_int8_mobilenet_v2"]
    assert view.rows["instance_id"].tolist() == chosen
    for figure in ("accuracy over time", "time per image"):
        assert drawn_frame(view, figure)["instance_id"].tolist() == chosen
    assert drawn_frame(view, "valid images per second")["instances"].tolist() == [1]
    assert len(shown(view)) == 3 and not set(shown(view)) & set(before)


def test_times_are_of_the_timing_that_is_chosen(view):
    both = {}
    for timing in ("end_to_end", "inference"):
        controls(view.widget)["timing"].value = timing
        both[timing] = drawn_frame(view, "time per image").set_index("instance_id")["median_ms"]
        assert drawn_frame(view, "valid images per second")["vips"].iloc[0] == pytest.approx(
            (view.rows["accuracy"] / view.rows[f"{timing}_ms_mean"] * 1000).sum()
        )
    assert (both["inference"] < both["end_to_end"]).all()


def test_colours_tell_what_is_asked_for(view):
    controls(view.widget)["by"].value = "quantization"
    assert "by quantization" in view.figures["accuracy over time"].get_label()


def test_only_the_figures_that_are_shown_are_drawn(view, monkeypatch):
    drawn = []
    draw = panels_module.draw
    monkeypatch.setattr(panels_module, "draw", lambda panel, rows: drawn.append(panel) or draw(panel, rows))
    controls(view.widget)["figures"].value = ["phases"]
    assert drawn == [panels_module.PANELS["phases"]]
    assert list(view.figures) == ["phases"] and len(shown(view)) == 1
    assert set(drawn_frame(view, "phases")["phase"]) == {"decode_ms", "preprocess_ms", "inference_ms", "postprocess_ms"}


def test_an_empty_selection_gives_a_sentence_and_no_figure(view):
    for name in ("devices", "models", "frameworks", "delegates", "quantizations"):
        control = controls(view.widget)[name]
        before, control.value = control.value, ()
        assert f"Nothing is chosen of {name}" in view._said.value
        assert shown(view) == [] and view.figures == {} and view.rows.empty
        control.value = before
        assert len(shown(view)) == 3


def test_what_was_not_measured_is_reported_with_the_reason(view):
    view.state.choose(delegates=("nnapi",))
    assert "Nothing you chose has numbers: NNAPI is part of Android" in view._said.value
    assert shown(view) == []


def test_code_moves_the_lists_and_a_button_chooses_everything(view):
    view.state.choose(models=("mobilenet_v2",), frameworks=("pytorch",))
    result = controls(view.widget)
    assert (result["models"].value, result["frameworks"].value) == (("mobilenet_v2",), ("pytorch",))
    assert len(view.rows) == 1
    button = next(button_ for button_ in buttons(view.widget) if button_.description == "choose everything")
    button.click()
    assert len(result["models"].value) == 6 and len(view.rows) == 5


def buttons(widget):
    inner = [child for child in getattr(widget, "children", ()) if type(child).__name__ == "Button"]
    return inner + [button for child in getattr(widget, "children", ()) for button in buttons(child)]


def test_an_equal_choice_draws_nothing_anew(view, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        panels_module, "draw", lambda panel, rows: drawn.append(panel) or panels_module.Drawn(None, (), "")
    )
    view.state.choose(models=view.state.selection.models)
    assert drawn == []
    view.state.choose(models=("mobilenet_v2",))
    assert len(drawn) == 3


def test_simulated_data_are_marked_on_the_page_and_on_every_figure(fleet):
    view = explore(fleet)
    assert "SIMULATED DATA" in view.widget.children[0].value
    assert all("Simulated data." in html for html in shown(view))


def drawn_rows(view, name):
    """Return the rows of an interactive figure as JupyterLab reads them."""
    return pd.read_csv(io.StringIO(outputs(view)[name][0][vegalite.MIME]["data"]["values"]), keep_default_na=False)


def test_interactive_figures_have_the_rows_of_the_drawn_ones(fleet):
    view = explore(fleet)
    view.shown.value = list(view.shown.options)
    assert len(drawn_rows(view, "accuracy over time")) == len(view.rows)
    medians = drawn_frame(view, "time per image").sort_values("median_ms")["median_ms"]
    assert drawn_rows(view, "time per image")["median_ms"].sort_values().tolist() == pytest.approx(
        medians.tolist(), rel=1e-5
    )
    assert drawn_rows(view, "phases")["mean_ms"].sum() == pytest.approx(
        drawn_frame(view, "phases")["mean_ms"].sum(), rel=1e-5
    )
    scores = drawn_frame(view, "valid images per second").set_index("device_id")["vips"]
    ranking = drawn_rows(view, "valid images per second")
    assert ranking["vips"].tolist() == pytest.approx(scores.sort_values(ascending=False).tolist(), rel=1e-5)


def test_devices_are_in_the_order_of_soc_vendors(fleet):
    view = explore(fleet)
    view.state.choose(devices=view.known.everything.devices[:4])
    vendors = fleet.devices.set_index("device_id")["soc"].map(names.soc_vendor)
    panels = [axes.get_title(loc="left") for axes in view.figures["time per image"].axes]
    known_names = names.devices(fleet.devices)
    expected = sorted(view.known.everything.devices[:4], key=lambda device: vendors[device])  # a stable sort
    assert panels == [known_names[device] for device in expected]
    assert drawn_rows(view, "time per image")["panel"].unique().tolist() == panels
    assert len({vendors[device] for device in expected}) > 1


def test_image_records_are_read_of_few_devices_only_and_once(fleet, monkeypatch):
    view = explore(fleet)
    assert view._kept == {}  # with eight devices
    assert "p99_ms" not in drawn_frame(view, "time per image")
    assert "vips_low" not in drawn_frame(view, "valid images per second")
    few = view.known.everything.devices[:2]
    view.state.choose(devices=few)
    assert {device for _, device in view._kept} == set(few)
    assert drawn_frame(view, "time per image")["p99_ms"].notna().all()
    assert drawn_frame(view, "valid images per second")["vips_low"].notna().all()
    monkeypatch.setattr(type(fleet), "image_parts", None)  # reading again would fail
    view.shown.value = ["time per image"]
    view.state.choose(models=("mnasnet",))
    assert len(drawn_frame(view, "time per image")) == len(view.rows) > 8


def test_what_must_not_share_a_statistic_is_reported_in_the_place_of_the_figure(view):
    rows = view.known.rows
    rows.loc[rows.index[0], "weights"] = "others"
    try:
        view.state.choose(models=("mobilenet_v2",))
        assert "valid images per second" not in view.figures
        assert "<p>Rows with weights &#x27;" in view._boxes["valid images per second"].text.value
        assert "accuracy over time" in view.figures
    finally:
        rows.loc[rows.index[0], "weights"] = "sample"


def dimmed(view):
    """Return the names of the figures that are marked as outdated."""
    return [name for name, box in view._boxes.items() if DIMMED in box.widget._dom_classes]


def test_outdated_figures_are_dimmed_immediately_and_replaced_one_by_one(view, monkeypatch):
    outdated, before = [], {name: content(box) for name, box in view._boxes.items()}
    draw = panels_module.draw

    def recorded(panel, rows):
        outdated.append((dimmed(view), view._said.value))
        return draw(panel, rows)

    monkeypatch.setattr(panels_module, "draw", recorded)
    assert dimmed(view) == []

    async def click():
        controls(view.widget)["quantizations"].value = ["int8"]
        assert dimmed(view) == list(view._boxes) and outdated == []
        assert view._said.value == "<p role='status'>Drawing …</p>"
        assert {name: content(box) for name, box in view._boxes.items()} == before
        while dimmed(view) or len(outdated) < len(FIRST):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)

    asyncio.run(asyncio.wait_for(click(), 60))
    assert [names for names, _ in outdated] == [list(FIRST), list(FIRST[1:]), list(FIRST[2:])]
    assert all(
        "1 instance with numbers on 1 device" in message and message.endswith(" Drawing …</p>")
        for _, message in outdated
    )
    assert "Drawing" not in view._said.value
    assert not set(shown(view)) & set(before.values())


def test_a_change_of_the_list_of_figures_dims_them_too(view):
    async def click():
        view.shown.value = ["phases"]
        assert dimmed(view) == list(view._boxes)

    asyncio.run(click())
    assert list(view.figures) == ["phases"] and dimmed(view) == []
