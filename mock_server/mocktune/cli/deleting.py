"""Deleting objects of the service, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mocktune.cli.printing import print_json, printable

if TYPE_CHECKING:
    from mocktune.cli.session import Session


def delete_each(at: Session, ids: list[str], delete: Callable[[str], Any], *, yes: bool, dry_run: bool) -> None:
    """The first that cannot be deleted ends it."""
    if not dry_run:
        at.confirm(f"delete {printable(', '.join(ids))}", yes=yes)
    for each in ids:
        if dry_run and at.json:
            print_json({"event": "step", "does": "delete", "id": each})
        elif dry_run:
            print(f"would delete {printable(each)}")
        else:
            delete(each)
            if at.json:
                print_json({"event": "deleted", "id": each})
            else:
                print(f"deleted {printable(each)}", flush=True)
