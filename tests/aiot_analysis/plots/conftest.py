import pytest

from tests.aiot_analysis import conftest
from tests.aiot_analysis.plots import test_plots


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(conftest.computer, id="one_device"),
        pytest.param(conftest.phones, id="fleet", marks=pytest.mark.slow),
    ],
)
def figures(request):
    """Return every figure of one computer or of 51 simulated phones by its name; tests must not change them."""
    return dict(test_plots.all_figures(request.param()))
