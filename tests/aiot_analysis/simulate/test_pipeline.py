"""Tests of a fleet in the pipeline: processed tables give Table IV, and everything is marked as simulated."""

import pandas as pd
import pytest

import aiot_analysis
from aiot_analysis import simulate
from aiot_analysis.errors import PoolingError
from aiot_analysis.plots import style
from aiot_analysis.stats import accuracy, pairing, vips
from aiot_analysis.tables import names, paper, select
from tests.command import aiot


def processed(workspace, options):
    """Return the tables of a fleet as `aiot process` makes them."""
    raw, tables = workspace / "raw", workspace / "processed"
    simulate.simulate(options, raw, jobs=2)
    done = aiot("process", "--raw", raw, "--processed", tables)
    assert (done.returncode, done.stderr) == (0, "")
    assert " 0 excluded" in done.stdout
    return aiot_analysis.load(tables, origin="simulated")


@pytest.fixture(scope="module")
def reduced(tmp_path_factory):
    """Return the data of all 51 phones and one more on ten images."""
    return processed(tmp_path_factory.mktemp("reduced"), simulate.Options(devices=52, images=10, quantized_on=2))


def check_table_iv(data):
    """Check that VIPS equals Table IV to two decimals, and that all other phones have rank 11 or below."""
    rows, left_out = select.measured_rows(data.instances)
    assert left_out.empty
    scores = vips.scores(rows).merge(data.devices[["device_id", "maker", "model", "paper_id"]], on="device_id")
    assert (scores["peer_group"] == 1).all() and scores["complete"].all()
    top = scores.sort_values("rank").head(10)
    assert (top["maker"] + " " + top["model"]).tolist() == paper.top10()["device"].tolist()
    assert top["rank"].tolist() == list(range(1, 11))
    assert top["vips"].round(2).tolist() == paper.top10()["vips"].tolist()
    assert scores["vips"].nlargest(11).iloc[-1] < paper.top10()["vips"].min()
    return scores


def test_vips_of_the_processed_tables_is_table_iv(reduced):
    scores = check_table_iv(reduced)
    assert len(scores) == 52


def check_verdicts(instances):
    """Check that few instances are doubtful, because of warm phones or chance, and that all others are valid."""
    doubtful = instances[instances["verdict"] != "valid"]
    assert 0 < len(doubtful) < 0.1 * len(instances)
    assert doubtful["reasons"].str.fullmatch("its time was unstable over the run: [^;]+").all()


def test_instances_with_all_images_are_valid_but_where_a_phone_gets_warm(tmp_path):
    data = processed(tmp_path, simulate.Options(devices=3, quantized_on=1))
    assert len(data.instances) == 2 * 24 + 60
    assert (data.instances["images"] == 500).all()
    check_verdicts(data.instances)


@pytest.mark.slow
def test_vips_of_the_full_fleet_is_table_iv(tmp_path):
    data = processed(tmp_path, simulate.Options())
    scores = check_table_iv(data)
    assert len(scores) == 51
    assert len(data.instances) == 2124
    assert data.instances["images"].sum() == 1_062_000
    check_verdicts(data.instances)
    assert (data.instances.groupby("device_id").size() == 60).sum() == 25


def test_phones_are_found_in_table_iii_by_their_name(reduced):
    devices = reduced.devices.set_index("paper_id", drop=False)
    assert devices["paper_id"].dropna().tolist() == list(range(1, 52))
    table = paper.devices().set_index("paper_id")
    for column, printed in [("soc", "soc"), ("ram_gb", "ram_gb"), ("os_version", "android")]:
        assert devices.loc[range(1, 52), column].astype(table[printed].dtype).tolist() == table[printed].tolist()
    [other] = devices[devices["paper_id"].isna()].to_dict("records")
    assert other["device_id"] == "sim-52-simulated-phone-52"


def test_the_origin_is_in_every_row_and_on_every_figure(reduced):
    images = reduced.images(instance_id=["tflite_cpu_float32_mnasnet"])
    for table in (reduced.devices, reduced.instances, images):
        assert (table["origin"] == "simulated").all()
    line = style.origin_line(reduced.instances)
    figure, [axes] = style.panels(1, 1, 3, 2)
    axes.plot([1, 2], [1, 2])
    style.finish(figure, line, "Nothing.")
    assert figure.get_supxlabel().startswith("SIMULATED")
    assert [text.get_text() for text in axes.texts] == ["SIMULATED"]
    assert figure.get_label() == "Simulated data. Nothing."


def test_all_phones_may_be_compared_image_by_image(reduced):
    rows, _ = select.measured_rows(reduced.instances)
    for _, of_instance in rows.groupby("instance_id"):
        select.check(of_instance, select.SAME_INSTANCE)
    instance_rows = rows[rows["instance_id"] == "tflite_nnapi_float32_inception_v3"]
    pairs = pairing.pair(instance_rows, "device_id", "sim-01-samsung-galaxy-s10e")
    assert len(pairs) == 51
    changes = accuracy.accuracy_change(reduced.images(instance_id=[instance_rows["instance_id"].iloc[0]]), pairs)
    assert (changes["n_images"] == 10).all()


def test_delegates_and_quantizations_of_a_phone_may_be_compared(reduced):
    rows, _ = select.measured_rows(reduced.instances)
    assert len(pairing.pair(rows, "quantization", "float32")) == 2 * 36
    assert len(pairing.pair(rows[rows["framework"] == "tflite"], "delegate", "cpu")) == 52 * 6 + 2 * 18


def test_fleets_of_different_images_are_not_pooled(reduced, tmp_path):
    other = processed(tmp_path, simulate.Options(devices=1, images=11, quantized_on=0))
    both = pd.concat([reduced.instances, other.instances])
    with pytest.raises(PoolingError, match="dataset_sha256"):
        select.check(both[both["instance_id"] == names.PAPER_FLOAT32[0]])
