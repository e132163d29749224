"""Strategies of hypothesis for logs and for realistic and unrealistic damage to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.rawlogs import LOAD, answer, counted, end, failed_image, image, node

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANCE = "tflite_cpu_float32_mnasnet"

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 7, -0.0, 1.0, 1.5, 1e300, 36.0, 2**53, 2**63 - 1, 2**63, -(2**63), 10**40),
    *(float("nan"), float("inf"), "", "7", "image", "end", "é", "\ud800", "a\0b", "x" * 5000, [], [[]], [[1]]),
    *([[1, 2, 3]], [[36, 0.5]], [[36.0, 0.5]], [[1.5, 0.5]], [[True, 0.5]], [["1", 0.5]], [[1, None]], [[1, "x"]]),
    *([[2**53, 1]], [[1, 10**400]], [[1, float("nan")]], [[float("nan"), 1]], [None], {}, {"event": "image"}),
]
"""Unexpected values of fields."""

ALIEN = [
    *(b"", b" ", b"{}", b"[]", b"null", b"7", b"NaN", b"what is this", b"{", b"}", b"}{", b"\xff\xfe", b"\x00", b"\r"),
    *(b'{"event":null}', b'{"event":["image"]}', b'{"event":"party"}', b'{"event":"image"}', b"\xef\xbb\xbf{}"),
    *(b"[" * 3000, b'{"a":' * 3000, b'{"event":"warmup","inference_ns":5}', b'{"event":"failed","reason":"killed"}'),
    *(b'{"event":"warmup","inference_ns":5,"query":[]}', b'{"event":"unavailable","reason":"a","remedy":"b"}'),
    *(b'{"event":"end","images":1,"failed_images":0,"correct":0,"loop_ns":1}', b"1" * 5000),
]
"""Lines that do not belong to a log, or are in the wrong place."""

CHANGES: list[tuple[bytes, bytes]] = [
    *(
        (b":", b" : "),
        (b",", b" ,\t"),
        (b"}", b"} "),
        (b"{", b" {"),
        (b"}", b"\r}"),
        (b"}\n", b"}\x00\n"),
        (b"}\n", b"}"),
    ),
    *(
        (b"}\n{", b"} {"),
        (b"}\n{", b"}{"),
        (b",", b",\n"),
        (b"0", b"00"),
        (b"0", b"-0"),
        (b"0", b"0.0"),
        (b"0", b"0e0"),
    ),
    *(
        (b"0.9", b"NaN"),
        (b"0.9", b"Infinity"),
        (b"0.9", b"Inf"),
        (b"0.9", b"-NaN"),
        (b"0.9", b"1e999"),
        (b"0.9", b"9e-1"),
    ),
    *(
        (b'"', b"'"),
        (b"image", b"im\\u0061ge"),
        (b"jpg", b"\\ud800"),
        (b"jpg", b"\\udc00"),
        (b"jpg", b"\\u0000"),
        (b"jpg", b"\\x"),
        (b"jpg", b"j\x7fg"),
        (b"jpg", b"j\tg"),
        (b"7", b"7,7"),
    ),
    *((b'"query"', b'"query":3,"query"'), (b'"label"', b'"extra":[[{}]],"label"'), (b'"label"', b'"":0,"label"')),
    *((b"]]", b"],]"), (b"]]", b"]],"), (b"000000", b""), (b"jpg", "ü".encode()), (b"jpg", "ü".encode("latin-1"))),
    *((b'"event":"image"', b'"event":"image","reason":"x"'), (b'"event":"image"', b'"event":"image","spent_ns":4')),
    *(
        (b"{", b"/**/{"),
        (b"{", b"#{"),
        (b"]]", b"],[8,0.1]]"),
        (b"[[", b"["),
        (b'"event":"image"', b'"event":"image_failed"'),
    ),
]
"""Bytes and their replacements, at one place or at all places."""

RECODINGS: list[Callable[[bytes], bytes]] = [
    lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data: data.decode("utf-8", "replace").encode("utf-8-sig"),
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: data.rstrip(b"\n"),
    lambda data: data + b"\n",
    lambda data: b"\n" + data,
    lambda data: b"",
    lambda data: data + data,
]


def lines_of(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Draw a log as the agent writes it."""
    kinds = draw(st.lists(st.sampled_from("iiiiifa"), max_size=8))
    kinds_of_image: dict[str, Callable[[int], dict[str, Any]]] = {
        "i": lambda query: image(query, right=query % 3 > 0, name=f"{query % 4}.jpg"),
        "f": failed_image,
        "a": answer,
    }
    shown = [kinds_of_image[kind](query) for query, kind in enumerate(kinds)]
    load = {**LOAD, "instance": INSTANCE, "attempt": 1}
    warmups = [{"event": "warmup", "inference_ns": 5}] * draw(st.integers(0, 2))
    last = draw(st.sampled_from([[{**end(), **counted(shown)}], [{"event": "failed", "reason": "killed"}], []]))
    graph = [node("x", "input"), node("conv", "convolution", "x", kernel=[3, 3])] * draw(st.integers(0, 1))
    row = {"event": "summary", "tool": "benchmark_model", "count": 3, "runs_asked": 5, "mean_ms": 1.5, "sd_ms": None}
    summary = [row] * draw(st.integers(0, 1))
    return lines_of([load, *graph, *warmups, *shown, *summary, *last])


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw a log with one kind of damage."""
    lines = data.split(b"\n")
    place = draw(st.integers(0, len(lines) - 1))
    kind = draw(
        st.sampled_from(
            ["delete", "double", "swap", "alien", "value", "value", "change", "change", "byte", "cut", "recode"]
        )
    )
    if kind == "delete":
        del lines[place]
    elif kind == "double":
        lines.insert(draw(st.integers(0, len(lines))), lines[place])
    elif kind == "swap":
        other = draw(st.integers(0, len(lines) - 1))
        lines[place], lines[other] = lines[other], lines[place]
    elif kind == "alien":
        lines.insert(place, draw(st.sampled_from(ALIEN)))
    elif kind == "value":
        lines[place] = draw(with_other_value(lines[place]))
    elif kind == "change":
        old, new = draw(st.sampled_from(CHANGES))
        return data.replace(old, new, draw(st.sampled_from([1, 2, 5, -1])))
    elif kind == "byte":
        at = draw(st.integers(0, len(data)))
        return data[:at] + draw(st.binary(max_size=2)) + data[at + draw(st.integers(0, 2)) :]
    elif kind == "cut":
        return data[: draw(st.integers(0, len(data)))]
    elif kind == "recode":
        return draw(st.sampled_from(RECODINGS))(data)
    return b"\n".join(lines)


@st.composite
def with_other_value(draw: st.DrawFn, text: bytes) -> bytes:
    """Draw a JSON record with another value in one of its fields, or without this field."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(record, dict) or not record:
        return text
    name = draw(st.sampled_from(sorted(record)))
    if draw(st.booleans()):
        record[name] = draw(st.sampled_from(VALUES))
    else:
        inner = record[name]
        if isinstance(inner, dict) and inner:  # one level below, as in the models and the dataset of run.json
            inner[draw(st.sampled_from(sorted(inner)))] = draw(st.sampled_from(VALUES))
        elif isinstance(inner, list):
            record[name] = [*inner, draw(st.sampled_from(VALUES))]
        else:
            del record[name]
    return json.dumps(record, separators=(",", ":")).encode()


@st.composite
def damaged_logs(draw: st.DrawFn) -> bytes:
    """Draw a log with up to three kinds of damage."""
    data = draw(logs())
    for _ in range(draw(st.integers(0, 3))):
        data = draw(damaged(data))
    return data
