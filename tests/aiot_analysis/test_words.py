import pytest

from aiot_analysis.words import plural


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 devices"), (1, "1 device"), (51, "51 devices"), (1.0, "1 device"), (0.5, "0.5 devices")]
)
def test_counts_in_words(n: float, words: str) -> None:
    assert plural(n, "device") == words
