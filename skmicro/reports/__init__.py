"""Reports on generators: their metrics as text, tables and pages.

:mod:`skmicro.evaluation` makes them and exports what users need of them. A report knows numbers,
pictures and curves, and nothing of generators or of how they were measured. Open ``_report.py`` and
``_page.py``.
"""

from ._comparison import Comparison, compare
from ._conditional import Calibration, ConditionalReport
from ._evidence import CopiedImage, Curves, Evidence, OddImage
from ._report import EvaluationReport, Metric

__all__ = []
