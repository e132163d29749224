import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import rawlog

IMAGE = {
    "event": "image",
    "query": 0,
    "image": "a.jpg",
    "label": 3,
    "top5": [[3, 0.9], [1, 0.1]],
    "decode_ns": 1,
    "preprocess_ns": 2,
    "inference_ns": 3,
    "postprocess_ns": 4,
    "at_ns": 5,
}
END = {"event": "end", "images": 1, "failed_images": 0, "correct": 1, "loop_ns": 10, "peak_rss_kb": None}


def write_lines(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def log(tmp_path):
    return rawlog.attempt_path(tmp_path, "tflite_cpu_int8_mnasnet", 2)


def test_what_is_written_is_read(log):
    with rawlog.AttemptWriter(log) as writer:
        for record in (IMAGE, END):
            fields = dict(record)
            writer.write(fields.pop("event"), **fields)
    attempt = rawlog.read_attempt(log)
    assert attempt.events == [IMAGE, END]
    assert (attempt.instance, attempt.attempt, attempt.status, attempt.dropped) == (
        "tflite_cpu_int8_mnasnet",
        2,
        "end",
        None,
    )


def test_an_attempt_is_never_written_twice(log):
    rawlog.AttemptWriter(log).close()
    with pytest.raises(rawlog.RawLogError, match=r"mnasnet\.2\.jsonl exists: an attempt is never written twice"):
        rawlog.AttemptWriter(log)


@given(cut=st.integers(min_value=1, max_value=len(json.dumps(END))))
def test_a_cut_log_loses_only_its_last_line(cut, tmp_path_factory):
    log = tmp_path_factory.mktemp("run") / "tflite_cpu_int8_mnasnet.1.jsonl"
    write_lines(log, IMAGE, END)
    log.write_bytes(log.read_bytes()[: -1 - cut])
    attempt = rawlog.read_attempt(log)
    assert attempt.events == [IMAGE]
    assert attempt.status == "cut"
    assert attempt.dropped == (json.dumps(END)[:-cut] or None)


def test_the_host_can_close_a_cut_log(log):
    log.write_text(json.dumps(IMAGE) + "\n" + '{"event":"ima')
    rawlog.close_attempt(log, "failed", reason="killed")
    attempt = rawlog.read_attempt(log)
    assert attempt.status == "failed"
    assert attempt.dropped == '{"event":"ima'
    assert [event["event"] for event in attempt.events] == ["image", "failed"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "is empty"),
        ('not json\n{"event":"end"}\n', "line 1 is not JSON"),
        ('{"event":"party"}\n', "line 1 is not an event of schema version 1"),
        ('{"event":"failed"}\n', "has no field 'reason'"),
        ('{"event":"failed","reason":7}\n', "has 7 as reason"),
        (f"{json.dumps(END)}\n{json.dumps(IMAGE)}\n", "line 2 follows the end of the attempt"),
        ('{"event":"warmup","inference_ns":true}\n', "has True as inference_ns"),
        ('{"event":"warmup","inference_ns":-1}\n', "has the negative time -1 as inference_ns"),
        (json.dumps({**IMAGE, "top5": [3, 0.9]}) + "\n", "as top5: it holds pairs of class and score"),
    ],
)
def test_a_damaged_log_is_named_with_its_line(log, lines, message):
    log.write_text(lines)
    with pytest.raises(rawlog.RawLogError, match=message):
        rawlog.read_attempt(log)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_schema_version_is_refused(tmp_path, version):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"schema_version": version}))
    with pytest.raises(rawlog.RawLogError, match=rf"schema version {version!r}; this version reads 1 to 1"):
        rawlog.read_json(path, rawlog.RUN_FIELDS)


def test_records_are_checked_before_they_are_written(tmp_path):
    with pytest.raises(rawlog.RawLogError, match="has no field 'run_id'"):
        rawlog.write_json(tmp_path / "run.json", {"schema_version": 1}, rawlog.RUN_FIELDS)
    assert list(tmp_path.iterdir()) == []


def test_attempts_are_found_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 1):
        rawlog.AttemptWriter(rawlog.attempt_path(tmp_path, "a_b_c_d", number)).close()
    (tmp_path / "telemetry.jsonl").touch()
    found = rawlog.attempt_paths(tmp_path)
    assert [path.name for path in found["a_b_c_d"]] == ["a_b_c_d.1.jsonl", "a_b_c_d.2.jsonl", "a_b_c_d.10.jsonl"]
    assert list(found) == ["a_b_c_d"]


def test_broken_telemetry_lines_are_left_out_and_counted(tmp_path):
    path = tmp_path / "telemetry.jsonl"
    path.write_text('{"at":"x"}\n{"at":\n[1]\n{"at":"y"}\n')
    assert rawlog.read_telemetry(path) == ([{"at": "x"}, {"at": "y"}], 2)
    assert rawlog.read_telemetry(tmp_path / "missing.jsonl") == ([], 0)
