"""Exceptions of this package.

AnalysisError           anything a user can fix: one sentence with the value and what to try
├── DataError           raw logs or processed tables are missing or not in the expected format
│   └── DamagedError    a file of the processed tables differs from what was written
├── PoolingError        rows that must not be pooled into one statistic
├── SimulationError     a fleet that cannot be written, or that would be mixed with another one
├── FigureError         a figure that cannot be drawn on the axes or the figure passed for it
├── ReportError         a notebook, parameter or report is unknown or failed
├── CompareError        a side of a comparison is unknown, or the two sides have nothing in common
├── ExportError         results that cannot be exported
├── CrateError          a crate that cannot be read, or that is not safe to unpack
└── ClusterError        a Dask scheduler does not answer, or its workers cannot do the work
"""


class AnalysisError(Exception):
    """Base class of errors that a user can fix; the message is one sentence."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in a notebook instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class DataError(AnalysisError):
    """Raw logs or processed tables are missing or not in the expected format."""


class DamagedError(DataError):
    """A file of the processed tables differs from what was written."""


class PoolingError(AnalysisError):
    """Rows that differ in what was measured would be pooled into one statistic."""


class SimulationError(AnalysisError):
    """A simulated fleet cannot be written, or would be mixed with another one."""


class FigureError(AnalysisError):
    """A figure cannot be drawn on the axes or the figure that were passed for it."""


class ReportError(AnalysisError):
    """A notebook, a parameter or a report is unknown or failed."""


class CompareError(AnalysisError):
    """A side of a comparison is unknown, or the two sides have nothing that can be compared."""


class ExportError(AnalysisError):
    """Results cannot be exported, or would replace something else."""


class CrateError(AnalysisError):
    """A crate cannot be read, or is not safe to unpack."""


class ClusterError(AnalysisError):
    """A Dask scheduler does not answer, or its workers cannot do the work."""
