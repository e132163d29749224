"""The base exception of this package.

AnalysisError           anything a user can mend: one sentence with the value and what to try
├── DataError           raw logs or processed tables that are missing or not of the format
│   └── DamagedError    a file of the processed tables is not as it was written
├── PoolingError        rows that must not share one statistic
├── SimulationError     a fleet that cannot be written, or not beside another one
├── ReportError         a notebook, parameter or report that is unknown or failed
├── CompareError        a side of a comparison that is unknown, or two that have nothing to compare
└── ClusterError        a Dask scheduler that does not answer, or workers that cannot do the work
"""


class AnalysisError(Exception):
    """Something a user can mend, said in one sentence."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook in the place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class DataError(AnalysisError):
    """Raw logs or processed tables are missing or not of the format."""


class DamagedError(DataError):
    """A file of the processed tables is not as it was written."""


class PoolingError(AnalysisError):
    """Rows that differ in what was measured would share one statistic."""


class SimulationError(AnalysisError):
    """A simulated fleet cannot be written, or would be mixed with another one."""


class ReportError(AnalysisError):
    """A notebook, a parameter or a report is unknown or failed."""


class CompareError(AnalysisError):
    """A side of a comparison is unknown, or two sides have nothing that can be compared."""


class ClusterError(AnalysisError):
    """A Dask scheduler does not answer, or its workers cannot do the work."""
