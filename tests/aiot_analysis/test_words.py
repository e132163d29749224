import pytest

from aiot_analysis.words import ALPHA, CONFIDENCE, estimate, interval, listed, minus, p_value, plural, typeset


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 devices"), (1, "1 device"), (51, "51 devices"), (1.0, "1 device"), (0.5, "0.5 devices")]
)
def test_counts_in_words(n: float, words: str) -> None:
    assert plural(n, "device") == words


def test_a_count_takes_a_format() -> None:
    assert plural(12345, "image", "{:,}") == "12,345 images"
    assert plural(1, "image", "{:,}") == "1 image"


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0, "<0.001"), (0.00099, "<0.001"), (0.001, "0.001"), (0.0123, "0.012"), (0.34, "0.340"), (1, "1.000")],
)
def test_p_values(p: float, words: str) -> None:
    assert p_value(p) == words


def test_the_error_rate_belongs_to_the_confidence() -> None:
    assert pytest.approx(1) == ALPHA + CONFIDENCE


@pytest.mark.parametrize(
    ("low", "high", "form", "written"),
    [
        (1.204, 1.396, "{:.2f}", "1.20 to 1.40"),
        (0.2302, 0.2338, "{:.2f}", "0.230 to 0.234"),
        (0.99904, 0.99996, "{:.0%}", "99.9% to 100.0%"),
        (0.00012, 0.00044, "{:+.1%}", "+0.01% to +0.04%"),
        (12345.1, 12345.4, "{:.4g}", "12345.1 to 12345.4"),
        (1234.1, 1234.4, "{:,.0f}", "1,234.1 to 1,234.4"),
        (2, 2, "{:.4g}", "2 to 2"),
        (1.0, 1.0 + 1e-15, "{:.2f}", "1.0000000 to 1.0000000"),
    ],
)
def test_an_interval_is_written_with_as_many_digits_as_tell_its_ends_apart(low, high, form, written):
    assert interval(low, high, form) == written


@pytest.mark.parametrize(
    ("numbers", "form", "written"),
    [
        ((11.97, 0.99, 145.17), "{:.2f}", "12.0 (1.0 to 145.2)"),
        ((7.78, 7.4, 8.2), "{:.2f}", "7.78 (7.40 to 8.20)"),
        ((48.55, 46.2, 51), "{:.6f}", "48.5 (46.2 to 51.0)"),
        ((199.51, 189.95, 209.89), "{:.2f}", "200 (190 to 210)"),
        ((2124, 1999.2, 2300), "{:.2f}", "2,124 (1,999 to 2,300)"),
        ((9.996, 9.5, 10.54), "{:.2f}", "10.0 (9.5 to 10.5)"),  # 10.0, not 10.00, once it is rounded
        ((0.234, 0.2302, 0.2338), "{:.2f}", "0.234 (0.230 to 0.234)"),  # with two decimals, 0.23 to 0.23
        ((1.5, 1.2, 1.9), "{:.2f} times", "1.50 times (1.20 to 1.90)"),
        ((-0.0125, -0.02, -0.005), "{:+.3f}", "-0.013 (-0.020 to -0.005)"),
        ((0.123, 0.1, 0.2), "{:.1%}", "12.3% (10.0% to 20.0%)"),
        ((0.8171,), "{:.1%}", "81.7%"),
        ((1330.4,), "{:.2f} ms", "1,330 ms"),
        ((0,), "{:.2f} ms", "0 ms"),
        ((1.5, float("nan"), 1.9), "{:.2f}", "1.50"),
        ((float("inf"),), "{:.2f}", "inf"),
    ],
)
def test_a_value_and_its_interval_have_the_same_decimals(numbers, form, written):
    assert estimate(*numbers, form=form) == written


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("-1.5", "−1.5"),
        ("+0.2 (-0.3 to -.1)", "+0.2 (−0.3 to −.1)"),
        ("<-3%, -4", "<−3%, −4"),
        ("2026-01-02, sim-01, 3-4, int8-2, a - b, 1e-05", "2026-01-02, sim-01, 3-4, int8-2, a - b, 1e-05"),
        ("`run -1` gives -1", "`run -1` gives −1"),
    ],
)
def test_minus_signs_stand_before_numbers_only(text: str, better: str) -> None:
    assert minus(text) == better


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2.5 points", "−2.5 points"),
        ("from -2 to -.5", "from −2 to −.5"),
        ("(-1 to 1)", "(−1 to 1)"),
        ("2026-11-28, w8-9, v1.-2", "2026-11-28, w8-9, v1.-2"),
        ("46.7 to 1.33e+03 ms", "46.7 to 1,330 ms"),
        ("1e+04 and 2e-05", "10,000 and 2e-05"),
    ],
)
def test_text_is_typeset(text: str, expected: str) -> None:
    assert typeset(text) == expected


def test_items_are_listed() -> None:
    assert [listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
