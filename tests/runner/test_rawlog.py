import fcntl
import json
import stat

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
FAILED_IMAGE = {
    "event": "image_failed",
    "query": 1,
    "image": "b.jpg",
    "label": 3,
    "reason": "x",
    "spent_ns": 1,
    "at_ns": 6,
}
END = {"event": "end", "images": 1, "failed_images": 0, "correct": 1, "loop_ns": 10, "peak_rss_kb": None}


def write_lines(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def log(tmp_path):
    return rawlog.attempt_path(tmp_path, "tflite_cpu_int8_mnasnet", 2)


def test_written_records_are_read_back(log):
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
    with pytest.raises(rawlog.RawLogError, match=r"mnasnet\.2\.jsonl already exists: an attempt is never overwritten"):
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
    ("line", "reason"),
    [
        ("not json", "line 2 is not JSON"),
        ("", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("1" * 5000, None),
        ('"\\ud800"', "line 2 is not JSON"),
        ("[1]", "line 2 is not an event of schema version 1"),
        ('{"event":["image"]}', "line 2 is not an event of schema version 1"),
        ('{"event":"party"}', "line 2 is not an event of schema version 1"),
        ('{"event":"failed"}', "line 2 has no field 'reason'"),
        ('{"event":"failed","reason":7}', "line 2 has 7 as reason, which is not valid in the format"),
        ('{"event":"warmup","inference_ns":true}', "line 2 has True as inference_ns, which is not valid in the format"),
        ('{"event":"warmup","inference_ns":1.0}', "line 2 has 1.0 as inference_ns, which is not valid in the format"),
        ('{"event":"warmup","inference_ns":-1}', "line 2 has the negative value -1 as inference_ns"),
        (
            f'{{"event":"warmup","inference_ns":{2**63}}}',
            f"line 2 has {2**63} as inference_ns, which is not valid in the format",
        ),
        (
            '{"event":"summary","count":1,"tool":"x","mean_ms":NaN}',
            "line 2 has nan as mean_ms, which is not valid in the format",
        ),
        (json.dumps({**IMAGE, "query": -1}), "line 2 has the negative value -1 as query"),
        (
            json.dumps({**IMAGE, "top5": [3, 0.9]}),
            "line 2 has [3, 0.9] as top5, which must be pairs of class and score",
        ),
        (
            json.dumps({**IMAGE, "top5": [[1.5, 0.9]]}),
            "line 2 has [[1.5, 0.9]] as top5, which must be pairs of class and score",
        ),
        (
            json.dumps({**IMAGE, "top5": [[2**53, 1]]}),
            f"line 2 has [[{2**53}, 1]] as top5, which must be pairs of class and score",
        ),
        (json.dumps({**IMAGE, "label": 1}), "line 2 repeats query 0"),
        (json.dumps({**FAILED_IMAGE, "query": 0}), "line 2 repeats query 0"),
    ],
)
def test_a_line_that_is_not_of_the_format_is_left_out_and_named(log, line, reason):
    log.write_text("\n".join([json.dumps(IMAGE), line, json.dumps({**IMAGE, "query": 1}), json.dumps(END)]) + "\n")
    attempt = rawlog.read_attempt(log)
    assert [event["event"] for event in attempt.events] == ["image", "image", "end"]
    assert len(attempt.left_out) == 1
    assert attempt.left_out[0].startswith("line 2 ") if reason is None else attempt.left_out == [reason]
    assert (attempt.status, attempt.damaged, attempt.dropped) == ("end", True, None)


def test_lines_after_the_final_event_are_excluded(log):
    write_lines(log, IMAGE, END, {**IMAGE, "query": 1}, END)
    attempt = rawlog.read_attempt(log)
    assert attempt.events == [IMAGE, END]
    assert attempt.left_out == [f"line {number} follows the end of the attempt" for number in (3, 4)]


def test_a_score_may_be_nan_and_a_whole_class_may_be_written_with_a_point(log):
    log.write_text(json.dumps({**IMAGE, "top5": [[3.0, float("nan")], [-1, 10**400]]}) + "\n")
    [event] = rawlog.read_attempt(log).events
    assert event["top5"][0][0] == 3


def test_a_byte_order_mark_is_no_damage(log):
    write_lines(log, IMAGE, END)
    log.write_bytes(b"\xef\xbb\xbf" + log.read_bytes())
    assert rawlog.read_attempt(log).events == [IMAGE, END]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"mnasnet\.2\.jsonl is empty\."),
        ("what\nis this\n", r"mnasnet\.2\.jsonl contains no event: line 1 is not JSON\."),
        ('{"event":"failed"}\n', r"mnasnet\.2\.jsonl contains no event: line 1 has no field 'reason'\."),
    ],
)
def test_a_log_without_an_event_is_refused(log, content, message):
    log.write_text(content)
    with pytest.raises(rawlog.RawLogError, match=message):
        rawlog.read_attempt(log)


def test_a_path_that_is_not_a_regular_file_is_refused(log):
    log.mkdir()
    with pytest.raises(rawlog.RawLogError, match=r"mnasnet\.2\.jsonl is not a file\."):
        rawlog.read_attempt(log)


@given(text=st.binary(max_size=60))
def test_any_bytes_are_lines_that_are_events_or_are_named(text):
    path = rawlog.attempt_path(".", "tflite_cpu_int8_mnasnet", 1)
    data = json.dumps(IMAGE).encode() + b"\n" + text
    attempt = rawlog.parse_attempt(path, data)
    assert len(attempt.events) + len(attempt.left_out) == len(data.split(b"\n")) - data.endswith(b"\n")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_schema_version_is_refused(tmp_path, version):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"schema_version": version}))
    with pytest.raises(rawlog.RawLogError, match=rf"schema version {version!r}, but this version reads 1 to 1"):
        rawlog.read_json(path, rawlog.RUN_FIELDS)


def test_a_field_that_may_be_null_is_null_where_an_older_record_does_not_have_it(tmp_path):
    path = tmp_path / "device.json"
    stored = {"schema_version": 1, "slug": "a", "cores": [], "not_offered": [], "soc": "x", "new": 7}
    path.write_text(json.dumps(stored))
    record = rawlog.read_json(path, rawlog.DEVICE_FIELDS)
    assert set(record) == {*rawlog.DEVICE_FIELDS, "new"}
    assert {name: value for name, value in record.items() if value is not None} == stored


def test_records_are_checked_before_they_are_written(tmp_path):
    with pytest.raises(rawlog.RawLogError, match="has no field 'run_id'"):
        rawlog.write_json(tmp_path / "run.json", {"schema_version": 1}, rawlog.RUN_FIELDS)
    assert list(tmp_path.iterdir()) == []


def test_attempts_are_found_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 1):
        rawlog.AttemptWriter(rawlog.attempt_path(tmp_path, "a_b_c_d", number)).close()
    (tmp_path / "telemetry.jsonl").touch()
    paths = rawlog.attempt_paths(tmp_path)
    assert [path.name for path in paths["a_b_c_d"]] == ["a_b_c_d.1.jsonl", "a_b_c_d.2.jsonl", "a_b_c_d.10.jsonl"]
    assert list(paths) == ["a_b_c_d"]


def test_broken_telemetry_lines_are_left_out_and_counted(tmp_path):
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(b'{"at":"x"}\n{"at":\n[1]\n7\n{"at":"\xff"}\n{"at":"z","load_average":NaN}\n{"at":"y"}\n')
    assert rawlog.read_telemetry(path) == ([{"at": "x"}, {"at": "y"}], 5)
    assert rawlog.read_telemetry(tmp_path / "missing.jsonl") == ([], 0)


NODE = {
    "event": "node",
    "node": "conv1",
    "kind": "convolution",
    "operation": "Conv2d",
    "within": ["layer1:Sequential"],
    "inputs": ["x"],
    "kernel": [3, 3],
    "stride": None,
    "in_shape": [1, 3, 32, 32],
    "out_shape": [1, 8, 32, 32],
    "macs": 221_184,
    "parameters": 216,
}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2**64), st.floats(), st.text(max_size=3), st.lists(st.integers(-1, 9))
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"node": "conv1"}, "line 2 repeats node conv1"),
        ({"inputs": [1]}, "line 2 has [1] as inputs, which is not valid in the format"),
        ({"within": [None]}, "line 2 has [None] as within, which is not valid in the format"),
        ({"kernel": [3.0, 3]}, "line 2 has [3.0, 3] as kernel, which is not valid in the format"),
        ({"kernel": [True, 3]}, "line 2 has [True, 3] as kernel, which is not valid in the format"),
        ({"out_shape": [1, -8]}, "line 2 has [1, -8] as out_shape, which is not valid in the format"),
        ({"out_shape": None}, "line 2 has None as out_shape, which is not valid in the format"),
        ({"macs": -1}, "line 2 has the negative value -1 as macs"),
    ],
)
def test_a_node_that_is_not_of_the_format_is_left_out_and_named(log, changes, reason):
    write_lines(log, NODE, {**NODE, "node": "conv2", **changes}, END)
    attempt = rawlog.read_attempt(log)
    assert attempt.events == [NODE, END]
    assert attempt.left_out == [reason]


@given(name=st.sampled_from(sorted(set(NODE) - {"event"})), value=VALUES)
def test_a_node_is_read_as_it_was_written_or_not_at_all(name, value):
    path = rawlog.attempt_path(".", "pytorch_cpu_float32_mnasnet", 1)
    node = {**NODE, name: value}
    lines = [json.dumps(entry).encode() for entry in (IMAGE, node)]
    attempt = rawlog.parse_attempt(path, b"\n".join(lines) + b"\n")
    assert attempt.events == [IMAGE, node] if not attempt.left_out else attempt.events == [IMAGE]
    lists = {"within": str, "inputs": str, "kernel": int, "stride": int, "in_shape": int, "out_shape": int}
    if not attempt.left_out and name in lists and value is not None:
        assert all(type(entry) is lists[name] for entry in value)
    if not attempt.left_out and name in ("macs", "parameters"):
        assert type(value) is int and value >= 0


@pytest.mark.parametrize(
    ("instance_id", "parts"),
    [
        ("tflite_cpu_float32_mobilenet_v2", ("tflite", "cpu", "float32", "mobilenet_v2")),
        ("pytorch_unknown_unknown_unknown", ("pytorch", "unknown", "unknown", "unknown")),
    ],
)
def test_an_instance_id_has_four_parts_and_only_the_model_has_underscores(instance_id, parts):
    assert rawlog.split_instance_id(instance_id) == parts
    assert rawlog.format_instance_id(*parts) == instance_id


def test_the_name_of_a_model_file_has_no_delegate():
    assert rawlog.format_model_file_name("tflite", "int8", "mobilenet_v2") == "tflite_int8_mobilenet_v2"
    assert rawlog.split_model_file_name("tflite_int8_mobilenet_v2") == ("tflite", "int8", "mobilenet_v2")


@pytest.mark.parametrize("text", ["", "tflite", "tflite_cpu_float32"])
def test_an_id_with_fewer_parts_is_refused(text):
    with pytest.raises(ValueError, match="unpack"):
        rawlog.split_instance_id(text)


@pytest.mark.parametrize(
    ("file_name", "attempt"),
    [
        ("a_b_c_d.12.jsonl", ("a_b_c_d", 12)),
        ("a_b_c_d.0.jsonl", None),
        ("a_b_c_d.1.jsonl.part", None),
        ("telemetry.jsonl", None),
        ("A_b_c_d.1.jsonl", None),
    ],
)
def test_the_name_of_an_attempt_file_tells_its_instance_and_number(tmp_path, file_name, attempt):
    assert rawlog.split_attempt_name(file_name) == attempt
    if attempt:
        assert rawlog.attempt_path(tmp_path, *attempt) == tmp_path / file_name
        assert rawlog.format_attempt_name(*attempt) + ".jsonl" == file_name


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with rawlog.replacing(path) as temporary:
        temporary.write_text("half")
        assert temporary == rawlog.partial_path(path) == path.with_name(".a.txt.part") and not path.exists()
        temporary.write_text("all of it")
    assert path.read_text() == "all of it"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]
    rawlog.replace_text(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRUSR
    rawlog.replace_text(path, "new")
    assert [(entry.name, entry.read_text()) for entry in path.parent.iterdir()] == [("a.txt", "new")]


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with rawlog.replacing(tmp_path / "device" / "run", tmp_path / ".part-device") as temporary:
        temporary.mkdir()
        (temporary / "run.json").write_text("{}")
        assert not (tmp_path / "device").exists()
    assert (tmp_path / "device" / "run" / "run.json").is_file() and not (tmp_path / ".part-device").exists()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_failure_leaves_what_was_there(tmp_path, kind):
    path = tmp_path / "a"
    rawlog.replace_text(path, "before é")
    with pytest.raises(KeyboardInterrupt), rawlog.replacing(path) as temporary:
        if kind == "folder":
            temporary.mkdir()
            (temporary / "x").touch()
        else:
            temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_bytes() == "before é".encode() and [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", [".lock", "."])
def test_a_lock_is_held_once_and_released_at_the_end_of_the_block(tmp_path, name):
    path = tmp_path / name
    with rawlog.locked(path, BlockingIOError()), pytest.raises(BlockingIOError), rawlog.locked(path, BlockingIOError()):
        pytest.fail("it was locked twice")
    with pytest.raises(KeyError), rawlog.locked(path):
        raise KeyError
    with rawlog.locked(path, BlockingIOError()):
        assert [path.name for path in tmp_path.iterdir()] == ([".lock"] if name == ".lock" else [])


BUSY = rawlog.RawLogError("another process writes there")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_lock_is_held_by_one_at_a_time_and_ends_with_the_block(tmp_path, kind):
    path = tmp_path if kind == "folder" else tmp_path / ".lock"
    with rawlog.locked(path, BUSY):
        with path.open() if kind == "file" else (tmp_path / "x").open("w"):
            pass
        with pytest.raises(rawlog.RawLogError, match="another process writes there"), rawlog.locked(path, BUSY):
            pytest.fail("it was locked twice")
    with rawlog.locked(path, BUSY):
        assert sorted(entry.name for entry in tmp_path.iterdir()) == (["x"] if kind == "folder" else [".lock"])


def test_a_lock_that_the_file_system_does_not_offer_is_no_other_process(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Bad file descriptor") as caught, rawlog.locked(tmp_path, BUSY):
        pytest.fail("it was not locked")
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"suite": [7]}, "7 in its suite"),
        ({"suite": ["a", None]}, "None in its suite"),
        ({"held": [5]}, "5 in its held"),
        ({"boots": ["x"]}, "'x' in its boots"),
    ],
)
def test_an_element_of_a_list_of_the_wrong_type_is_named(changes, words):
    fields = {name: rawlog.RUN_FIELDS[name] for name in changes}
    with pytest.raises(rawlog.RawLogError, match=rf"^run\.json has {words}, which is not valid in the format\.$"):
        rawlog.check(changes, fields, "run.json")
    rawlog.check({"suite": ["a"], "held": [{}], "boots": None}, {}, "run.json")
