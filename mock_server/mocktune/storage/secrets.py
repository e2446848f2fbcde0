"""Secrets of one server process. They never influence an outcome."""

from __future__ import annotations

import os


def new_secret() -> bytes:
    """The key of the hash under which API keys are remembered."""
    return os.urandom(32)


def new_admin_token() -> str:
    return "mt-admin-" + os.urandom(16).hex()
