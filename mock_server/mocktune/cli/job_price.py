"""What a job that is resumed can cost: training it whole, by its own file and numbers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocktune.cli.spending import afford as afford_amount
from mocktune_client.model_names import base_model_of

if TYPE_CHECKING:
    from mocktune.cli.session import Session

_CHEAPER = "Allow more; --yes resumes also what nobody can price."


def afford(at: Session, job_ids: list[str], *, unpriced: bool) -> None:
    """Ends the command unless training all of these jobs whole costs no more than ``--max-cost``. ``unpriced``: those
    whose cost cannot be known do not count.
    """
    limit_usd = at.target.max_cost_usd
    if limit_usd is None:
        return
    total_usd: float | None = 0.0
    for job_id in job_ids:
        cost_usd = _cost_usd(at, at.client.fine_tuning.jobs.retrieve(job_id))
        if cost_usd is None and unpriced:
            continue
        total_usd = None if cost_usd is None or total_usd is None else total_usd + cost_usd
    afford_amount(total_usd, limit_usd, f"training {', '.join(job_ids)} to the end", _CHEAPER)


def _cost_usd(at: Session, job: Any) -> float | None:
    """None where it is billed by time, the model is none of the table, or its file cannot be had (for some accounts a
    training file cannot be downloaded [OBS]).
    """
    base = base_model_of(job.model)
    epochs = getattr(job.hyperparameters, "n_epochs", None)
    if base is None or base.prices.training is None or not isinstance(epochs, int):
        return None
    import openai

    from mocktune_client.dataset import check_dataset

    with tempfile.TemporaryDirectory(prefix="mocktune-") as folder:
        path = Path(folder) / "training.jsonl"
        try:
            with (
                at.client.files.with_streaming_response.content(job.training_file) as answer,
                path.open("wb") as file,
            ):
                for piece in answer.iter_bytes():
                    file.write(piece)
        except openai.APIStatusError:
            return None
        method = getattr(job.method, "type", None)
        report = check_dataset(path, model=base.id, method=method, n_epochs=epochs)
    return next((price.usd for price in report.prices if price.model == base.id), None)
