"""``mocktune models``: which models there are, until when, and at what price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocktune.cli.targets import BaseUrl, DryRun, Json, Live, MaxCost

if TYPE_CHECKING:
    from mocktune.domain.models import BaseModel

models = typer.Typer(help="List, show and delete models.", no_args_is_help=True)

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Its name, ft:… of a tuned one.", show_default=False)]
ModelNames = Annotated[list[str], typer.Argument(metavar="MODEL…", help="Their names.", show_default=False)]


@models.command("list")
def list_models(
    tuned: Annotated[bool, typer.Option("--tuned", help="Only tuned ones and their checkpoints.")] = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """List the models of this key, newest first."""
    from mocktune.cli.listing import print_table, when
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        found = [each for each in at.client.models.list().data or () if not tuned or _is_tuned(each.id)]
        found.sort(key=lambda each: getattr(each, "created", None) or 0, reverse=True)
        if json:
            for each in found:
                print_json(each)
        else:
            rows = (
                [each.id, _ends(each), when(getattr(each, "created", None)), getattr(each, "owned_by", None)]
                for each in found
            )
            none = "no tuned models" if tuned else "no models"
            print_table(("model", "ends", "created", "owner"), rows, none=none, spare=2)


@models.command()
def show(
    model: ModelName, live: Live = False, max_cost: MaxCost = None, base_url: BaseUrl = None, json: Json = False
) -> None:
    """Show a model: whose it is, until when it lives, what it costs, and the job that made it."""
    from mocktune.cli.listing import print_fields
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session
    from mocktune.cli.tuned_models import job_of

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        found = at.client.models.retrieve(model)
        if json:
            print_json(found)
        else:
            print_fields(_fields(found, job_of(at.client, found.id) if _is_tuned(found.id) else None))


@models.command()
def delete(
    model: ModelNames,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to delete what is live.")] = False,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Delete tuned models for good. Checkpoints are models of their own."""
    from mocktune.cli.deleting import delete_each
    from mocktune.cli.session import SHORT_PATIENCE_S, session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        delete_each(
            at, model, lambda each: at.tuner(patience_s=SHORT_PATIENCE_S).delete_model(each), yes=yes, dry_run=dry_run
        )


def _is_tuned(name: str) -> bool:
    return name.startswith("ft:") or ".ft-" in name


def _ends(model: Any) -> str | None:
    """The first day on which it is gone, as the service says, else as the table of models does."""
    from mocktune_client.model_names import base_model_of

    told = getattr(model, "shutdown_date", None)
    if told:
        return str(told)
    base = base_model_of(model.id)
    if base is None:
        return None
    return (base.tuned_shutdown_date if _is_tuned(model.id) else None) or base.shutdown_date


def _fields(model: Any, job: Any) -> Iterator[tuple[str, object]]:
    from mocktune.cli.listing import when
    from mocktune.domain.models import PRICED_ON
    from mocktune_client.model_names import base_model_of

    base = base_model_of(model.id)
    yield "model", model.id
    yield "owner", getattr(model, "owned_by", None)
    yield "created", when(getattr(model, "created", None))
    yield "ends", _ends(model)
    yield "made by", None if job is None else f"{job.id}  {job.status}"
    if base is None:
        return
    yield "base model", base.id if _is_tuned(model.id) else None
    yield "context", f"{base.context:,} tokens, {base.max_output:,} of them of an answer at most"
    yield "tuned by", None if _is_tuned(model.id) else ", ".join(base.methods)
    yield "prices", f"{_prices(base)} (as of {PRICED_ON})"


def _prices(base: BaseModel) -> str:
    prices = base.prices
    training = (
        f"training ${prices.training_hour:g} an hour" if prices.training is None else f"training ${prices.training:g}"
    )
    return f"{training}; tuned: input ${prices.input:g}, output ${prices.output:g}; USD a million tokens"
