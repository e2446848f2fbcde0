"""Training files: checked, priced, split and converted, before anything is uploaded or paid for."""

from mocktune_client.dataset.checking import check_dataset
from mocktune_client.dataset.report import (
    DatasetReport,
    Distribution,
    FileReport,
    FileStatistics,
    Finding,
    ModelPrice,
)

__all__ = [
    "DatasetReport",
    "Distribution",
    "FileReport",
    "FileStatistics",
    "Finding",
    "ModelPrice",
    "check_dataset",
]
