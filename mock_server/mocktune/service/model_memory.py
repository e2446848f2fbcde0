"""Which tuned models are in memory: one that nobody asked for long is unloaded, and loads again when it is asked.

The real service does so (help article 6643004); after how long is not known. Asking a model is a command, not a read:
only requests for answers count. Kept for models whose scenario unloads them, and for no others.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.documents import Duration
from mocktune.service.records import ModelRecord
from mocktune.service.sandboxes import Visit


@dataclass(slots=True)
class ModelUse:
    """Of the model called ``id``: when it was last answered from, and until when it loaded last, the ``loads``-th time.

    ``since`` is when it was first in memory.
    """

    id: str
    since: VirtualTime
    used_at: VirtualTime
    loading_until: VirtualTime
    loads: int = 0


def loading_until(visit: Visit, record: ModelRecord, idle_for: Duration) -> VirtualTime | None:
    """Until when a model loads that is asked now; None: it is in memory and answers. Either way it was asked."""
    now, job = visit.now, record.job
    uses = visit.sandbox.ledger("model_use")
    use: ModelUse | None = uses.get(record.id)
    if use is None:
        ready_at = record.window.ready_at
        use = ModelUse(record.id, ready_at, ready_at, ready_at)
        uses.add(record.id, ready_at, use)
    if now < use.loading_until:
        return use.loading_until
    if now - max(use.used_at, use.loading_until) > idle_for.drawn(job.seed, "idle_for"):
        use.loads += 1
        lasts = job.scenario.model.loading_for.drawn(job.seed, f"loading again {record.id} {use.loads}")
        use.loading_until = VirtualTime(now + lasts)
        if lasts:
            return use.loading_until
    use.used_at = now
    return None
