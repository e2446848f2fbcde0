"""Makes the suite's options known to ``pytest --pyargs mocktune_contract``, before the command line is read.

The conftest of an installed package is read too late for that. An entry point leads here, in every run of pytest that
has mocktune installed, so nothing is imported and no option exists unless the suite is named.
"""

from __future__ import annotations

import pytest

PLUGIN = "mocktune_contract.plugin"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    named = (arg.partition("::")[0].partition(".")[0] for arg in args)
    if "--pyargs" in args and "mocktune_contract" in named:
        early_config.pluginmanager.import_plugin(PLUGIN)
