"""Tests of drift on simulated phones, for which it is known which ones get slower."""

import aiot_analysis
from aiot_analysis import ingest, simulate
from aiot_analysis.simulate import assumptions, draw
from aiot_analysis.stats import drift
from aiot_analysis.tables import along

SEED, PHONES = 0, 20
SEEN = 0.07  # of the time: less is under the 5% that count, once noise and the slow begin are in it


def test_phones_that_throttle_are_found_and_no_other(tmp_path):
    simulate.simulate(simulate.Options(seed=SEED, devices=PHONES, quantized_on=0), tmp_path / "raw")
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    data = aiot_analysis.load(tmp_path / "processed", "simulated")
    result = drift.drifts(data.images(along.COLUMNS))
    slower = drift.count_findings(result).set_index("device_id")["slower"]
    throttled = {phone.slug: draw._throttle(phone, SEED) for phone in assumptions.phones(PHONES, SEED)}
    strongly = [device_id for device_id, share in throttled.items() if share >= SEEN]
    steady = [device_id for device_id, share in throttled.items() if share == 0]
    assert len(strongly) >= 3 and len(steady) >= 8
    assert (slower[strongly] >= 3).all()
    assert slower[steady].sum() == 0
    of_steady = result[result["device_id"].isin(steady)]
    for test in ("drift_p", "change_p"):
        assert 0.02 <= (of_steady[test] < 0.05).mean() <= 0.09
