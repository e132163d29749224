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
    """Every figure of one computer, or of 51 simulated phones, by its name. Tests draw them again, and change none."""
    return dict(test_plots.all_figures(request.param()))
