"""Hypothesis strategies for tests of a fine-tuning client: training files good and broken, jobs good and refused, and
worlds.

::

    from hypothesis import given
    from mocktune.testing.strategies import broken_datasets, datasets, job_requests, scenarios

    @given(broken_datasets("chat"))
    def test_my_check_finds_it(broken):
        assert my_check(broken.data).line == broken.line

Needs Hypothesis, which ``mocktune[testing]`` brings. What is drawn depends on Hypothesis alone, so a failure comes
again, and shrinks to something small.
"""

from __future__ import annotations

try:
    import hypothesis  # noqa: F401
except ImportError as error:
    raise ImportError(
        "mocktune.testing.strategies needs Hypothesis: install mocktune[testing]", name=error.name
    ) from error

from mocktune.testing.strategies.broken_datasets import BrokenDataset, broken_datasets
from mocktune.testing.strategies.datasets import datasets
from mocktune.testing.strategies.examples import DatasetFormat, examples
from mocktune.testing.strategies.jobs import BrokenJobRequest, broken_job_requests, job_requests
from mocktune.testing.strategies.scenarios import scenarios

__all__ = [
    "BrokenDataset",
    "BrokenJobRequest",
    "DatasetFormat",
    "broken_datasets",
    "broken_job_requests",
    "datasets",
    "examples",
    "job_requests",
    "scenarios",
]
