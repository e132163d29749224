import pytest

from aiot_analysis.words import interval, plural


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 devices"), (1, "1 device"), (51, "51 devices"), (1.0, "1 device"), (0.5, "0.5 devices")]
)
def test_counts_in_words(n: float, words: str) -> None:
    assert plural(n, "device") == words


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
