"""Whether JSON conforms to a schema, by a validator that only the extra ``testing`` installs."""

from __future__ import annotations

from typing import Any

import pytest


def validate(value: Any, schema: Any) -> None:
    """Raises ``jsonschema.ValidationError``; skips the test where there is no validator."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema: pip install 'mocktune[testing]'")
    jsonschema.validate(value, schema)
