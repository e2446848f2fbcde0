"""Where mocktune knowingly differs from the real service, what nobody recorded, and what ``--loose`` switches off.

What belongs to one error, field, event or model stands in that one's table; here is the rest. The page
``docs/explanation/fidelity.md`` and ``GET /_mocktune/capabilities`` are written from all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.profiles import Profile


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` is one or more sentences of Markdown about ``topic``."""

    topic: str
    text: str
    source: str


def _mocktune(topic: str, text: str) -> Statement:
    return Statement(topic, text, "mocktune")


def _assumed(topic: str, text: str) -> Statement:
    return Statement(topic, text, "assumed")


DIFFERENCES: tuple[Statement, ...] = (
    _mocktune(
        "Nothing is trained",
        "Losses follow a formula of the dataset's size and predictability, epochs, batch size and learning rate; dpo "
        "starts at ln 2 and widens a margin; rewards start at what the grader gives an untrained model. They look and "
        "move like recorded ones, and say nothing about your data.",
    ),
    _mocktune(
        "A tuned model repeats",
        "A trained prompt gets its trained answer, a near one the nearest, anything else a reply put together from "
        "trained answers. A model tuned by dpo answers as was preferred, one tuned by reinforcement with what was "
        "rewarded. A base model says that it is played.",
    ),
    _mocktune(
        "Sampling changes nothing",
        "`temperature`, `top_p`, the penalties, `logit_bias`, `verbosity` and `reasoning_effort` are checked, no more. "
        "`seed`, `n`, `stop`, the token limits, `tool_choice` and `response_format` work: an answer nobody "
        "trained is made up so that it fits the schema. `logprobs` are drawn.",
    ),
    _mocktune(
        "Every model is alive",
        "The real service shut most of the tunable models down in 2026, and refuses new jobs of most organizations. "
        "Under the profile `classic` all twelve can be tuned, and `shutdown_date` is null; `--profile today` plays "
        "what is left.",
    ),
    _mocktune(
        "Limits are off",
        "Caps of jobs at once and a day, quotas and moderation of training files are part of the scenario (`limits.*`) "
        "and off by default. There are no rate limits of requests or tokens; rate-limit headers are sent with answers "
        "of models and never change.",
    ),
    _mocktune(
        "Moderation is a table of phrases",
        "`/moderations`, and the moderation of training files where it is on, find a short list of phrases and nothing "
        "else. Finished models pass, and no `moderation_checks` events say so, unless a scenario wants it otherwise.",
    ),
    _mocktune("Jobs do not queue behind each other", "Each waits its own time in the queue."),
    _mocktune(
        "Images are counted, not looked at",
        "Each is billed as 85 tokens. Data URLs are checked for size, format and mode; images behind URLs are never "
        "fetched and count as good.",
    ),
    _mocktune(
        "Python graders are never run",
        "Their source is checked: its size, its syntax, and one function `grade` of two arguments. `run` refuses them "
        "with `python_grader_not_run`; in a reinforcement job each has one played score from 0.3 to 0.7. `image_tag` "
        "is not filled in where it was left out.",
    ),
    _mocktune(
        "No grader model is asked",
        "`score_model` and `label_model` are played by how like the compared texts are. Their tokens are counted.",
    ),
    _mocktune(
        "One thing leaves the SDK's strict types under `--wire sdk` too",
        "The map of a multi grader's `graders`, in the answer of `validate` and in jobs: the SDK types it as one "
        "grader, the guides as a map.",
    ),
    _mocktune(
        "Nothing is sent to Weights & Biases",
        "`integrations` are checked and echoed.",
    ),
    _mocktune(
        "Webhooks are of fine-tuning jobs, and stay on this machine",
        "Endpoints may subscribe to any type; only the end of a job, a test and `/_mocktune/events/trigger` send "
        "one. They are sent to this machine unless `--allow-webhook-host` names another, and a URL may be `http://` "
        "where mocktune would send to it. An endpoint of the control plane may choose its secret.",
    ),
    _mocktune(
        "Responses are text, images and function calls",
        "Conversations, prompts, background, built-in tools, compaction and moderation inside a response are answered "
        "with `not_part_of_mocktune`. Responses and stored completions are kept for 30 virtual days, and the "
        "oldest go where there is no more room.",
    ),
    _mocktune(
        "No content network in front",
        "`Server`, `CF-RAY`, `alt-svc` and cookies are left out.",
    ),
    _mocktune(
        "A key needs no scope",
        "Every key may do everything in its own sandbox. Checkpoint permissions alone need the sandbox's admin key.",
    ),
    _mocktune(
        "A training file over the limit is 413",
        "The limit is the public description's 512 MB; `--max-file-size 1GB` is what older guides say. An upload in "
        "parts may hold 8 GB.",
    ),
    _mocktune(
        "Everything is bounded",
        "Lines over 16 MiB fail the file. The bounds of requests, lists and stores are listed below; what is past one "
        "is refused, and says so.",
    ),
)
"""Known differences, the gravest first."""

ASSUMED: tuple[Statement, ...] = (
    _assumed(
        "Cancel", "The event of a cancel (`The job has been cancelled`), and that a cancelled job has a `finished_at`."
    ),
    _assumed(
        "Pause",
        "A job can be paused while it runs and resumed while it is paused; it then queues again, as long as a new one. "
        "Pauses are told by no event.",
    ),
    _assumed("Tool calls in a training file", "Their arguments need not be JSON: they are text."),
    _assumed(
        "A deleted training file",
        "That a job whose file is deleted before it was validated fails, and in which words.",
    ),
    _assumed(
        "The order of faults",
        "Of a file: purpose, syntax, format, lines, number of examples, images, moderation. Validation files have no "
        "minimum. Of a create request: organization, body, model, files, caps, quota.",
    ),
    Statement(
        "Billed tokens",
        "4 tokens a message and 1 an example on top of the content: their sum for three-message examples is recorded "
        "(10 examples, 377 tokens, 10 epochs, 5,070 billed), the split is not, and neither is the same overhead for "
        "`o200k_base`, nor what a preference pair or a reinforcement example is billed.",
        "RUBY, the split assumed",
    ),
    _assumed(
        "Hyperparameters",
        '`batch_size` `"auto"` above 103 examples: 0.2 % of the set, at most 256. The learning rate multiplier of '
        'every model but gpt-3.5-turbo (2) and gpt-4o-mini (1.8). All that reinforcement makes of `"auto"`.',
    ),
    _assumed("A model that is tuned again", "`job.model` is the tuned model's name."),
    _assumed(
        "Names",
        "A suffix appears in lower case, other characters than letters, digits, `_` and `-` as `-`.",
    ),
    _assumed("The list of models", "`owned_by` of tuned models; that checkpoints are listed among the models."),
    _assumed("Prices", "Those of gpt-4-0613."),
    _assumed(
        "Metric events",
        "One a step in jobs of any length; a validation loss every ten steps. Numbers of dpo, and how rewards move.",
    ),
    _assumed(
        "Checkpoints of reinforcement",
        "The best three by validation reward are kept, and the last step is the model, as a fourth where three others "
        "were better.",
    ),
    _assumed(
        "The checks of a finished model",
        "The `data` of their events, that they come between the new model and the completion, and that a model that "
        "fails leaves its job `failed` with a `finished_at`, after a phase in which it is `running`.",
    ),
    _assumed(
        "Trainings that go wrong",
        "Where the curves of `metrics.shape` turn and how far they go. A loss or reward that is no number is null in "
        "events and checkpoints, `nan` in messages and result files, and the accuracy beside it is 0.",
    ),
    _assumed(
        "Result files that come late, or never",
        "That the file joins the list when the job names it, `result.delay` after the end.",
    ),
    _assumed(
        "Models that are not asked for long",
        "help article 6643004 says that they are unloaded, not after how long: `model.idle_for`. A checkpoint is in "
        "memory on its own.",
    ),
    _assumed("`estimated_finish`", "Null in every recording; `job.estimated_finish` fills it while a job runs."),
    _assumed("Pages", "The largest `limit` of jobs, events and checkpoints is 1000."),
    _assumed(
        "Graders",
        "`graders` of a multi grader may be a map, a list or a single grader. A nameless `python` or `multi` grader is "
        "called `grader-` and twelve characters, one inside `multi` by its key. `^` binds tightest and to the right, "
        "`log` is the natural one.",
    ),
    _assumed(
        "Text metrics",
        "`fuzzy_match` is rapidfuzz's WRatio; `bleu` is smoothed and reweighed below four words; `meteor` knows no "
        "synonyms; `rouge_*` are F-measures without stemming.",
    ),
    _assumed(
        "Limits",
        "Those of models that LIMITS does not name: 3 jobs at once, 12 a day. Failed and cancelled jobs count for the "
        "day; a day is a UTC day. Spent is what succeeded jobs cost, and cancelled ones up to then. A job that costs "
        "more than what is left fails validation with `exceeded_quota`.",
    ),
    _assumed(
        "Moderation of training files",
        "Flagged lines are named while they are at most 100 and at most a tenth of the file; beyond, the file is "
        "blocked as a whole.",
    ),
    _assumed(
        "The end of a model",
        "A shut model is answered like an unknown one, from the first second of the day (UTC) that the page of "
        "deprecations names.",
    ),
    _assumed(
        "Permissions",
        "A checkpoint is named by its full name or its `ftckpt_` id. A project that already has a permission keeps it.",
    ),
    _assumed("Webhook endpoints", "A receiver has 5 s to answer; a test of one that does not is a 400."),
    _assumed(
        "Deliveries of webhooks",
        "The event of a job is due with its last event, and goes to the endpoints that are subscribed then. An attempt "
        "that is not answered with 2xx is followed by others 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h after "
        "the one before, in virtual time. 410 ends what is sent to an endpoint, until it is updated.",
    ),
    _assumed(
        "Azure",
        "Which statuses read `pending`; the events, which are worded as on the other API; that a deployment can be "
        "made before its model is ready.",
    ),
)
"""What no recording shows and no single table holds. If you have a recording, it wins."""


@dataclass(frozen=True, slots=True)
class LooseRule:
    """A kind of rule that ``--loose`` switches off, and what happens instead."""

    rule: str
    instead: str


LOOSE_RULES: tuple[LooseRule, ...] = (
    LooseRule("ranges and lengths of parameters", "any value is taken; what must be bounded is cut to its bound"),
    LooseRule("values of enumerations", "any text is taken, but for the words that tell the members of a union apart"),
    LooseRule("unknown parameters", "they are left out"),
    LooseRule("metadata's lengths", "any text is taken"),
    LooseRule("cancel, pause and resume in a status that does not allow them", "the job is answered as it is"),
    LooseRule("uploads: status, sum and MD5 of the parts, part ids", "the parts there are become the file"),
    LooseRule("purposes of files, and empty files", "the file is stored"),
    LooseRule("cursors that name nothing", "the list begins at its beginning"),
    LooseRule("the admin key and the checkpoint of permissions", "any key, any checkpoint"),
    LooseRule("`https://` in URLs of webhook endpoints", "any text is taken"),
    LooseRule("chat parameters that do not go together", "they are ignored"),
    LooseRule("token limits beyond a model's", "the answer is as long as it is"),
    LooseRule("completions from a chat model, responses without a model", "they are answered"),
    LooseRule("unknown models of `/moderations`", "the newest one is taken"),
    LooseRule(
        "graders: operations, metrics, models, formulas, nesting", "the grader is taken; what nothing can grade gets 0"
    ),
)
"""What ``--loose`` lets pass, as spec mocks do. Types, required parameters, and objects that are not there stay errors.
It also implies ``--wire sdk``."""


AZURE: tuple[Statement, ...] = (
    Statement(
        "Paths",
        "`/openai/files`, `/openai/uploads`, `/openai/fine_tuning/…`, `/openai/models` and `/openai/responses` with an "
        "`api-version`, or `/openai/v1/…` without. A request with none is 404, `Resource not found`.",
        "learn.microsoft.com, OBS",
    ),
    Statement("Keys", "`api-key`, or a bearer token. It names the sandbox as ever.", "learn.microsoft.com"),
    Statement("Creation of a job", "Answered with 201.", "learn.microsoft.com"),
    Statement(
        "Deployments",
        "A model answers under the name of a deployment, which is made with `PUT` or `POST`; until its model is ready, "
        "and for any other name, 404 `DeploymentNotFound`.",
        "OBS, learn.microsoft.com",
    ),
    Statement("Result files", "Plain text instead of base64.", "OBS"),
    Statement("Errors", '`{"error": {"code", "message"}}`, the code a word or the status as text.', "OBS"),
)
"""What the Azure dialect does otherwise, fields apart (``object_fields.py``)."""

ENDPOINT_NOTES: dict[str, str] = {
    "files.create": "`purpose` before or after the file, `expires_after` accepted",
    "fine_tuning.jobs.create": "methods `supervised`, `dpo` and `reinforcement`",
    "fine_tuning.jobs.list": "with `metadata[k]=v` and `metadata=null`",
    "fine_tuning.model_limits": "no SDK has a method for it; the envelope around the rows is assumed",
    "fine_tuning.checkpoints.permissions.list": "with the admin key, `sk-admin-` + the key without `sk-`",
    "fine_tuning.checkpoints.permissions.create": "with the admin key",
    "fine_tuning.checkpoints.permissions.delete": "with the admin key",
    "chat.completions.create": "plain and streamed; `store: true` keeps it",
    "completions.create": "plain and streamed; babbage-002, davinci-002 and what was tuned from them",
    "responses.create": "plain and streamed; text, images and function calls",
    "responses.cancel": "always refused: nothing runs in the background",
    "moderations.create": "by a table of phrases",
    "webhooks.test": "sends a signed sample event",
}
"""How an operation is played, where its name does not say it."""

PROFILES: dict[Profile, Statement] = {
    "classic": Statement(
        "classic",
        "The world of the recordings: every model of the table can be tuned by everybody, and lives on.",
        "SEED, RUBY, PINOLO",
    ),
    "today": Statement(
        "today",
        "The world of November 2026: a model is gone from the day that the page of deprecations names, by the "
        "sandbox's clock; organizations that the server was not told of (`--known-organization`) cannot create jobs, "
        "and nobody can from 2027-01-07 on; caps and moderation are on. Uploads and answers go on.",
        "DEPDOC, OBS, LIMITS",
    ),
}
"""What ``domain/profiles.py`` plays."""
