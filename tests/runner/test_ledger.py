"""How an instance stands, read from its attempts."""

from runner import ledger
from tests.rawlogs import LOAD, attempt, begin, end, image, unavailable

SUITE = [f"tflite_cpu_{quantization}_mnasnet" for quantization in ("float32", "dynamic", "int8", "float16")]


def test_an_attempt_that_ended_with_a_damaged_line_is_tried_again(tmp_path):
    folder = begin(tmp_path, SUITE)
    attempt(folder, SUITE[0], LOAD, image(0), end())
    path = attempt(folder, SUITE[1], LOAD, image(0), end())
    path.write_text("what is this\n" + path.read_text())
    unavailable(folder, SUITE[2])
    found = [(entry.status, entry.attempts) for entry in ledger.read(folder)]
    assert found == [("end", 1), ("damaged", 1), ("unavailable", 1), ("missing", 0)]
    assert not ledger.finished(ledger.read(folder))


def test_an_attempt_that_ended_well_counts_whatever_came_before_it(tmp_path):
    folder = begin(tmp_path, SUITE[:1])
    (folder / f"{SUITE[0]}.1.jsonl").write_text("what\nis this\n")
    attempt(folder, SUITE[0], LOAD, image(0), end(), number=2)
    assert [(entry.status, entry.attempts) for entry in ledger.read(folder)] == [("end", 2)]
