"""How ``mocktune tune`` and ``mocktune attach`` look: on a terminal, in a pipe, and to a program.

=======  ====================================================  =======================================
view     is for                                                module
=======  ====================================================  =======================================
live     a terminal: a story that scrolls, a part that moves   ``tune_live``
lines    a pipe, a log, a terminal without cursor control      ``tune_lines``
json     programs: one JSON object a line                      ``tune_json``
=======  ====================================================  =======================================
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias

from mocktune.cli.tune_record import TuneRecord

if TYPE_CHECKING:
    from mocktune_client import Tuned
    from mocktune_client.dataset.report import DatasetReport, ModelPrice
    from mocktune_client.progress import Progress

ViewKind: TypeAlias = Literal["live", "lines", "json"]
LeftBecause: TypeAlias = Literal["interrupted", "detached"]


SIGNS = "✓●━⠂◆┤"
"""What the live view draws with. An output that cannot show them gets lines."""


class TuneView(Protocol):
    """Shows one tuning. A context: leaving it, also by an exception, gives the terminal back.

    ``record`` holds what was told so far, for ``write_report``.
    """

    @property
    def record(self) -> TuneRecord: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def target(self, line: str) -> None:
        """Where the tuning goes, for the record: ``open_target`` has printed it already."""

    def estimate(self, report: DatasetReport, price: ModelPrice | None) -> None:
        """The check of the file, and what training on it will cost on the model that was asked for."""

    def progress(self, told: Progress) -> None:
        """What the tuner tells: pass it as ``on``."""

    def note(self, text: str) -> None:
        """A sentence that belongs to none of the others."""

    def done(self, tuned: Tuned) -> None:
        """The model is there. The last call."""

    def failed(self, error: Exception) -> None:
        """Says why it went wrong: on stderr, as JSON on stdout. The last call; the caller only ends with its code."""

    def left(
        self,
        because: LeftBecause,
        *,
        attach: str | None = None,
        cancel: str | None = None,
        stands_still: bool = False,
    ) -> None:
        """The command ends before its job: ``attach`` and ``cancel`` are the commands for it. The job goes on, unless
        it ``stands_still``, since its server ends with the command. The last call.
        """


def view_kind(*, json: bool) -> ViewKind:
    """``json`` where that is asked for; ``live`` where stdout is a terminal that can move its cursor and show curves;
    else lines."""
    if json:
        return "json"
    from rich.console import Console

    console = Console()
    # A pipe gets no moving part, even if FORCE_COLOR calls it a terminal.
    moving = console.is_terminal and not console.is_dumb_terminal and sys.stdout.isatty()
    return "live" if moving and _can_show(SIGNS) else "lines"


def _can_show(signs: str) -> bool:
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def make_view(kind: ViewKind) -> TuneView:
    """A view on stdout, not yet entered."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # an output that cannot show a curve shall not end the tuning
    if kind == "json":
        from mocktune.cli.tune_json import JsonView

        return JsonView(sys.stdout)
    if kind == "live":
        from mocktune.cli.tune_live import LiveView

        return LiveView()
    from mocktune.cli.tune_lines import LinesView

    return LinesView(sys.stdout)
