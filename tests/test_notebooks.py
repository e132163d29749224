"""The notebooks of the project: their form, and that they run on every kind of data there is."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from aiot_analysis import ingest
from aiot_analysis.report.render import render
from aiot_analysis.tables import names
from tests.rawlogs import LOAD, attempt, begin, end, image, profile, unavailable

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OF_PUBLISHED = ["12_published_answers", "13_published_speed"]
"""Notebooks that are made for what others published, and not for runs of the suite."""
OF_RUNS = [path.stem for path in NOTEBOOKS if path.stem not in OF_PUBLISHED]
SUITE = [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED]
MEASURED = {
    "tflite_cpu_float32_mobilenet_v2": 8.0,
    "tflite_cpu_dynamic_mobilenet_v2": 9.0,
    "tflite_cpu_int8_mobilenet_v2": 4.0,
    "tflite_cpu_float16_mobilenet_v2": 8.5,
    "pytorch_cpu_float32_mobilenet_v2": 16.0,
}
"""What the small run measured, and the mean time of inference in ms."""

REMARKS = ["03_accuracy", "04_frameworks", "05_nnapi", "06_complexity", "07_quantization", "08_vips"]

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind=""):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"].startswith(kind)]


def source(cell):
    return "".join(cell["source"])


def test_the_notebooks_are_numbered_from_1():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02}_" for number in range(1, len(NOTEBOOKS) + 1)]


def declared(path):
    """Return the names in the cell of parameters of a notebook."""
    [cell] = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    return {line.partition(":")[0] for line in source(cell).splitlines()}


@every_notebook
def test_the_kernel_is_the_one_every_python_has(path):
    metadata = json.loads(path.read_text())["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert "version" not in metadata["language_info"]


@every_notebook
def test_outputs_and_execution_counts_are_not_kept(path):
    for cell in cells(path, "code"):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_nbstripout_as_the_pre_commit_hook_calls_it_changes_no_byte(tmp_path):
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    [hook] = [hook for repo in config["repos"] for hook in repo["hooks"] if hook["id"] == "nbstripout"]
    _, *options = shlex.split(hook["entry"])
    assert options[0] == "--extra-keys"
    copies = [Path(shutil.copy(path, tmp_path)) for path in NOTEBOOKS]
    program = [sys.executable, "-m", "nbstripout", *options, *map(str, copies)]
    subprocess.run(program, check=True, capture_output=True, timeout=120)
    assert [copy.read_bytes() for copy in copies] == [path.read_bytes() for path in NOTEBOOKS]


@every_notebook
def test_one_cell_is_tagged_parameters_and_each_line_says_name_type_default_and_meaning(path):
    tagged = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0]["cell_type"] == "code"
    lines = source(tagged[0]).splitlines()
    for line in lines:
        assert re.fullmatch(r"[a-z_]+: (str|int|float|bool) = \S+  # \S.*", line)
    assert [line.partition(":")[0] for line in lines][:2] == ["processed", "origin"]


@every_notebook
def test_every_declared_parameter_is_used(path):
    code = [cell for cell in cells(path, "code") if "parameters" not in cell["metadata"].get("tags", [])]
    used = {node.id for cell in code for node in ast.walk(ast.parse(source(cell))) if isinstance(node, ast.Name)}
    assert declared(path) - used == set()


@every_notebook
def test_no_cell_defines_a_function_or_a_class(path):
    for cell in cells(path, "code"):
        found = {type(node) for node in ast.walk(ast.parse(source(cell)))}
        assert not found & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}


@every_notebook
def test_the_first_cell_is_a_title_and_a_paragraph(path):
    first = cells(path)[0]
    assert first["cell_type"] == "markdown"
    title, empty, *paragraph = source(first).splitlines()
    assert re.fullmatch(r"# \S.*", title)
    assert empty == ""
    assert len(" ".join(paragraph)) > 60


@every_notebook
def test_cell_ids_are_unique(path):
    counts = Counter(cell["id"] for cell in cells(path))
    assert [one for one, count in counts.items() if count > 1] == []


def make_run(raw, measured, images=20, suite=SUITE, **run):
    """A run of the paper's 60 instances, of which `measured` have numbers; every fourth image is wrong."""
    folder = begin(raw, suite, **run)
    for position, one in enumerate(suite):
        if one not in measured:
            unavailable(folder, one)
            continue
        shown = [
            image(query, measured[one] + 0.1 * (query % 5), right=(query + position) % 4 > 0) for query in range(images)
        ]
        attempt(folder, one, LOAD, *shown, end())
    return folder


@pytest.fixture(scope="module")
def processed(tmp_path_factory):
    """The tables of one run of one device."""
    folder = tmp_path_factory.mktemp("measured")
    make_run(folder / "raw", MEASURED)
    ingest.process(folder / "raw", folder / "processed")
    return folder / "processed"


def render_all(processed, out, **parameters):
    """Renders every notebook and gives the text of each page; fails with the errors of those that failed."""
    results = render(ROOT / "notebooks", out, parameters={"processed": str(processed), **parameters}, jobs=2)
    assert [str(result) for result in results if result.status != "rendered"] == []
    assert [result.name for result in results] == OF_RUNS
    return {result.name: result.page.read_text(encoding="utf-8") for result in results}


def test_every_notebook_is_rendered_on_one_device_with_five_instances(processed, tmp_path):
    pages = render_all(processed, tmp_path)
    assert all("Measured" in page for page in pages.values())
    assert all(f"Remark {number}, claim by claim" in pages[name] for number, name in enumerate(REMARKS, start=1))
    assert "All claims of the six remarks" in pages["01_overview"]
    assert "? cannot be decided" in pages["01_overview"]
    assert "cannot be distinguished from noise. A single test at the 5% level finds larger ones" in pages["01_overview"]
    without_figure = {name for name, page in pages.items() if "<figure" not in page}
    assert without_figure == {"02_devices_and_models", "05_nnapi", "09_operators", "10_resizing"}
    assert "run <code>aiot run</code> on an Android phone" in pages["05_nnapi"]
    assert {name: words for name, page in pages.items() if (words := unwanted_words(page))} == {}
    assert "NNAPI is part of Android: run it on an Android phone" in pages["05_nnapi"]
    assert "0.750" in pages["03_accuracy"]  # 15 of 20
    assert all("The only run used one order of the instances" in pages[name] for name in ("01_overview", "11_latency"))
    assert "aiot operators" in pages["09_operators"]
    assert "aiot run --local --resize crop_resize,resize_crop,square_crop" in pages["10_resizing"]
    assert (tmp_path / "index.html").exists()
    unexplained = {name: captions_without_words(page) + long_captions(page) for name, page in pages.items()}
    assert {name: found for name, found in unexplained.items() if found} == {}


UNWANTED = (
    r"semi-valid|peer.group|worth|told|(?<!_)course|sitting|\d+e\+\d|\b1 (?:bars|devices|images|instances|runs)\b"
)
"""Words of the code and number formats that readers must not meet."""
IN_PROSE = r"`|(?<![\w.,–)-])-\d"  # outside of tables: literal backquotes, and hyphens in place of minus signs


def unwanted_words(page):
    """Return the unwanted words in the visible text of a page; code and files keep their names."""
    text = page.partition("<main")[2].partition(">")[2].partition("<footer")[0]
    text = re.sub(r"<(script|style|svg|code|pre)\b.*?</\1>", " ", text, flags=re.DOTALL)
    prose = re.sub(r"<table.*?</table>", " ", text, flags=re.DOTALL)
    found = [match for part in re.split(r"<[^>]*>", text) for match in re.findall(UNWANTED, part)]
    return found + [match for part in re.split(r"<[^>]*>", prose) for match in re.findall(IN_PROSE, part)]


def test_unwanted_words_are_found_in_what_readers_see_alone():
    hidden = "<code>peer_group</code><svg><text>told</text></svg><footer>`"
    page = '<main tabindex="-1"><p>Two peer groups are worth it, {}</p>' + hidden
    assert unwanted_words(page.format("-2 points")) == ["peer group", "worth", "-2"]
    assert unwanted_words(page.format("from 2026-11-28")) == ["peer group", "worth"]
    assert unwanted_words("<main><td>1.33e+03 ms</td><td>semi-valid</td>") == ["33e+0", "semi-valid"]


INTERVALS_SAID = re.compile(r"interval|95%")


def captions_without_words(page):
    """Captions of the tables with rows and intervals that do not say what the intervals are; "" for none."""
    found = []
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        head, _, body = table.partition("<tbody>")
        caption, _, columns = head.partition("</caption>")
        if "95% interval" in columns and body.count("<td") > 1:
            label = re.sub("<[^>]*>", "", caption)
            summary = re.findall(r"<summary>(.*?) \(", page[: page.index(table)])  # of a folded table
            text = label or (summary[-1] if summary else "")
            found += [] if INTERVALS_SAID.search(text) else [text]
    return found


@every_notebook
def test_what_is_assumed_of_other_runs_reaches_all_that_needs_it(path):
    """A page whose intervals rest on the parameter `run_to_run` gives it to each statistic that takes it."""
    code = "\n".join(source(cell) for cell in cells(path, "code"))
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    takes_it = ("open_page", "open_study", "remarks.parts", "variance.with_noise", "variance.assumed")
    takes_it += ("tell.open_profiles", "published_speed_claims.translated")
    takes_it += tuple(
        f"published_speed.{name}" for name in ("speed_ups", "over_devices", "quantized", "off_npu", "scores")
    )
    found = [ast.unparse(call) for call in calls if ast.unparse(call.func) in takes_it]
    if "run_to_run" in declared(path):
        assert found and [call for call in found if "run_to_run" not in call] == []
    else:  # accuracy alone
        claims = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "page.claims"]
        assert claims in ([], ["page.claims(1)"])


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem[:2] in ("01", *["04", "05", "06", "07", "08", "11"])]
)
def test_pages_with_intervals_of_times_say_which_of_them_may_be_too_short(path):
    code = "\n".join(source(cell) for cell in cells(path, "code"))
    said = "page.claims(" in code or "page.doubtful_intervals()" in code  # see NotebookPage.claims
    assert said or "blocks.means(images, rows, timing)" in code


def test_pages_of_two_sessions_say_what_was_estimated_and_what_is_assumed(tmp_path):
    """Of five instances in two sessions the scatter of each is estimated, and what a session shares is not."""
    for day, slower in ((1, 1.0), (2, 1.04)):
        times = {name: ms * slower * (1 + 0.01 * at * day) for at, (name, ms) in enumerate(MEASURED.items())}
        started = {"run_id": f"2026110{day}T100000Z-aaaaaa", "started": f"2026-11-0{day}T10:00:00Z"}
        make_run(tmp_path / "raw", times, **started)
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    parameters = {"processed": str(tmp_path / "processed")}
    results = render(ROOT / "notebooks", tmp_path / "out", ["04", "08", "11"], parameters, jobs=2)
    speed, score, times = (result.page.read_text(encoding="utf-8") for result in results)
    estimated = "95%, including the scatter between 2 sessions (4 degrees of freedom)"
    of_sessions = f"{estimated} and an assumed 5% of all instances together"
    assert f"Whiskers: {estimated}." in speed and of_sessions not in speed
    assert f"VIPS by device, with intervals ({of_sessions})" in score
    assert f"with the interval of its share ({estimated})" in score  # in a share it cancels
    assert f"Mean time per image. Interval: {of_sessions}" in times
    assert "an assumed 5% between runs" not in speed + score + times
    assert [captions_without_words(page) for page in (speed, score, times)] == [[], [], []]


MOST_WORDS = 25


def long_captions(page):
    """Return the captions of figures, and the summaries of folded tables, of more than 25 words, as shown."""
    captions = re.findall(r"<figcaption>(?:<b>.*?</b>)?(.*?)(?:<span|</figcaption)", page, re.DOTALL)
    captions += re.findall(r"<summary>((?:(?!<summary>).)*) \([\d,]+ rows?\)</summary>", page, re.DOTALL)
    texts = [re.sub("<[^>]*>", "", caption) for caption in captions]
    return [text for text in texts if len(text.split()) > MOST_WORDS]


def test_long_captions_are_found_without_their_links():
    links = '<span class="files">PDF, SVG</span></figcaption>'
    words = "word " * MOST_WORDS
    assert long_captions(f"<figcaption>{words}{links}<summary>{words} (1,200 rows)</summary>") == []
    assert len(long_captions(f"<figcaption>{words}more{links}<summary>{words}more (1 row)</summary>")) == 2


@pytest.mark.slow
def test_a_profile_is_in_the_pages_of_operators_and_models_and_in_no_other(tmp_path):
    make_run(tmp_path / "raw", MEASURED)
    profile(tmp_path / "raw", "squeezenet", "mnasnet")
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out")
    assert "SqueezeNet: convolution 75% and concatenation 25%" in pages["09_operators"].replace("\n", " ")
    assert "80.0%" in pages["09_operators"]  # 4 of the 5 ms of a pass
    assert "3x3 conv, 8" in pages["02_devices_and_models"]
    assert "−98.9%" in pages["02_devices_and_models"]  # 9 of the printed 833 million operations
    others = [page for name, page in pages.items() if name[:2] not in ("02", "09")]
    assert not any("20260103T000000Z" in page for page in [*others, (tmp_path / "out" / "index.html").read_text()])


def alternatives(page):
    """What is said of each figure."""
    return re.findall(r'class="picture[^>]*aria-label="([^"]*)"', page.replace("\n", " "))


OTHERS = {"executorch_cpu_float32_mobilenet_v2": 10.0, "torchscript_cpu_float32_squeezenet1_1": 20.0}
"""What is none of the paper's, and the mean time of inference in ms."""


def file_of(instance):
    """The name of the model file of an instance, which delegates share."""
    framework, _, quantization, model = instance.split("_", 3)
    return f"{framework}_{quantization}_{model}"


def checked(instance, passed=True):
    """What is in run.json of the check of an instance's model file."""
    numbers = {"images": 100, "accuracy": 0.7, "original_accuracy": 0.8, "correlation": 0.9, "top1_agreement": 0.9}
    finding = "the same network" if passed else "only 40% of the images get the original's class"
    file = file_of(instance)
    told = {"sha256": f"sha of {file}", "dataset": "sample", "passed": passed, "finding": finding}
    return {file: {**numbers, **told, "largest_difference": 0.25}}


@pytest.mark.slow
def test_instances_beyond_the_paper_are_separate_from_its_figures(tmp_path):
    failed = "tflite_cpu_int8_mobilenet_v2"
    checks = checked(failed, passed=False) | checked("executorch_cpu_float32_mobilenet_v2")
    suite = [*SUITE, *OTHERS]
    models = {one: {"sha256": f"sha of {file_of(one)}", "weights": "sample", "size_bytes": 3_500_000} for one in suite}
    make_run(tmp_path / "raw", MEASURED | OTHERS, suite=suite, checks=checks, models=models)
    make_run(tmp_path / "plain" / "raw", {one: ms for one, ms in MEASURED.items() if one != failed})
    pages, plain = [], []
    for folder, found in ((tmp_path, pages), (tmp_path / "plain", plain)):
        ingest.process(folder / "raw", folder / "processed")
        found.append(render_all(folder / "processed", folder / "out"))
    [pages], [plain] = pages, plain
    for name in ("03_accuracy", "04_frameworks", "05_nnapi", "06_complexity", "07_quantization", "08_vips"):
        assert alternatives(pages[name]) == alternatives(plain[name])
    for name in ("03_accuracy", "05_nnapi", "06_complexity", "07_quantization", "08_vips"):
        assert "ExecuTorch" not in pages[name] and "executorch_" not in pages[name]
    assert "Nothing else was run" in plain["04_frameworks"]
    assert re.search(r"<td[^>]*>ExecuTorch<", pages["04_frameworks"])
    assert re.search(r">0\.80 \(0\.\d\d to 0\.\d\d\)<", pages["04_frameworks"])  # 8 of TFLite's ms in 10
    assert "SqueezeNet 1.1" in pages["04_frameworks"]
    overview = pages["01_overview"]
    assert "1 of 2 checked model files passed, on 100 images." in overview
    assert "✗ 2.5e-01" in overview and "only 40% of the images get the original" in overview
    assert "its model file failed the check" in overview  # among what is left out
    for name in ("01_overview", "07_quantization", "08_vips"):
        assert "excluded because their model files failed aiot models check" in pages[name]
    assert "No model file was checked: run <code>aiot models check</code>" in plain["01_overview"]
    assert "Model files against" not in plain["01_overview"]


@pytest.mark.slow
def test_every_notebook_is_rendered_where_only_an_added_model_was_run(tmp_path):
    suite = ["tflite_cpu_float32_squeezenet1_1", "torchscript_cpu_float32_squeezenet1_1"]
    make_run(tmp_path / "raw", dict.fromkeys(suite, 9.0), suite=suite, weights="mine")
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out")
    assert "SqueezeNet 1.1" in pages["01_overview"] and "SqueezeNet 1.1" in pages["04_frameworks"]
    for name in ("03_accuracy", "05_nnapi", "06_complexity", "07_quantization", "08_vips"):
        assert "SqueezeNet 1.1" not in pages[name]
        assert "<figure" not in pages[name] and "then <code>aiot process</code>" in pages[name]


@pytest.mark.slow
def test_the_ways_of_resizing_are_compared_on_their_own_page_and_on_no_other(tmp_path):
    make_run(tmp_path / "raw", MEASURED)
    [one, *_] = MEASURED
    for number, way in enumerate(["crop_resize", "resize_crop", "square_crop"]):
        models = {one: {"sha256": "the same file", "weights": "sample", "preprocess": {"resize": way}}}
        study = {"suite": [one], "study": "resize", "resize": way, "models": models}
        make_run(tmp_path / "raw", {one: 8.0}, images=300, run_id=f"2026010{number + 2}T000000Z-aaaaaa", **study)
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out")
    page = pages["10_resizing"]
    assert "Little influence, at most 2.0% of the images: holds (2 comparisons: 2 holds)." in page
    assert "crop, then resize: accuracy 0.750, decode and preprocess 3.00 ms" in alternatives(page)[0]
    without = {name: text for name, text in pages.items() if name != "10_resizing"}
    assert not any("20260102T000000Z" in text for text in without.values())


@pytest.mark.slow
def test_every_notebook_is_rendered_from_an_operator_study_alone(tmp_path):
    profile(tmp_path / "raw", "squeezenet")
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out")
    assert "convolution 75%" in pages["09_operators"]


@pytest.mark.slow
def test_every_notebook_is_rendered_on_imported_data_with_inference_time_only(tmp_path):
    make_run(tmp_path / "raw", MEASURED, origin="imported", timing="inference", device="phone")
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out", origin="imported", timing="inference")
    for page in pages.values():
        assert "Imported" in page
        assert "<strong>Measured</strong>" not in page


@pytest.mark.slow
def test_instances_of_native_tools_are_shown_by_inference_with_those_of_the_agent(tmp_path):
    models = {one: {"sha256": f"sha of {file_of(one)}", "weights": "sample"} for one in SUITE}
    agents = {one: ms for one, ms in MEASURED.items() if one.startswith("pytorch")}
    folder = make_run(tmp_path / "raw", agents, models=models)
    for one in ("tflite_cpu_float32_mobilenet_v2", "tflite_nnapi_float32_mobilenet_v2", "tflite_cpu_int8_mobilenet_v2"):
        (folder / f"{one}.1.jsonl").unlink()
        delegate = one.split("_")[1]
        load = {**LOAD, "accelerator_requested": delegate, "accelerator_actual": delegate, "nodes_delegated": 31}
        summary = {"event": "summary", "tool": "benchmark_model", "count": 20, "mean_ms": 8.0}
        ending = end(images=20, failed_images=0, correct=15)
        attempt(folder, one, load, {**summary, "accuracy_accelerator": delegate}, ending)
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out")
    for name in ("05_nnapi", "07_quantization", "08_vips"):
        assert "3 of the 4 instances on this page were measured by native tools" in pages[name]
    assert "TFLite NNAPI 50%, TFLite CPU 50%" in alternatives(pages["05_nnapi"])[0]
    assert "93.75 images per second" in " ".join(alternatives(pages["08_vips"]))  # 0.75 in 8 ms
    assert "over 3 of 24 instances" in alternatives(pages["08_vips"])[0]


@pytest.mark.slow
def test_every_notebook_is_rendered_where_nothing_could_be_measured(tmp_path):
    make_run(tmp_path / "raw", {})
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    pages = render_all(tmp_path / "processed", tmp_path / "out")
    assert "NNAPI is part of Android: run it on an Android phone" in pages["01_overview"]
    for name in ("03_accuracy", "04_frameworks", "06_complexity", "08_vips"):
        assert "<figure" not in pages[name]
        assert "No instance has usable numbers: run <code>aiot run --local</code>" in pages[name]


@pytest.mark.slow
@pytest.mark.parametrize("folder", [".", "notebooks"])
def test_plain_papermill_runs_a_notebook_from_the_project_and_from_its_own_folder(processed, tmp_path, folder):
    notebook = os.path.relpath(ROOT / "notebooks" / "02_devices_and_models.ipynb", ROOT / folder)
    program = [sys.executable, "-m", "papermill", notebook, str(tmp_path / "out.ipynb")]
    done = subprocess.run(
        [*program, "-p", "processed", str(processed)],
        check=False,
        cwd=ROOT / folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    ran = cells(tmp_path / "out.ipynb", "code")
    assert all(cell["execution_count"] for cell in ran)
    assert "Example" in json.dumps(ran)
