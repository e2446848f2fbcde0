"""The fields of every object that is answered: where each is known from, and where its value differs by dialect.

Keyed by the module and the name of its model in ``http/wire``; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """``note`` is how the value comes about where that is not plain; ``sdk`` and ``azure`` how ``--wire sdk`` and the
    Azure dialect write it where they differ from ``--wire observed``.
    """

    source: str
    note: str = ""
    sdk: str = ""
    azure: str = ""


@dataclass(frozen=True, slots=True)
class ObjectFields:
    """One object of the API. ``part_of`` names the object it stands in."""

    title: str
    fields: Mapping[str, Field]
    part_of: str = ""


def _object(title: str, source: str, names: str, part_of: str = "", **special: Field) -> ObjectFields:
    """Fields in the order of ``names``, known from ``source`` unless ``special`` says otherwise."""
    order = names.split()
    assert set(special) <= set(order), title
    return ObjectFields(title, {name: special.get(name, Field(source)) for name in order}, part_of)


_JOB = "job"
_EVENT = "event"
_CHAT = "chat completion"
_RUN = "grader run"
_RESPONSE = "response"
_NUMBERS = "n_epochs batch_size learning_rate_multiplier"
_LOSSES = (
    "step train_loss valid_loss total_steps full_valid_loss train_mean_token_accuracy valid_mean_token_accuracy "
    "full_valid_mean_token_accuracy"
)

OBJECTS: dict[str, ObjectFields] = {
    # -- fine-tuning ---------------------------------------------------------------------------------------------------
    "jobs.FineTuningJob": _object(
        _JOB,
        "RUBY, PINOLO, CN1229",
        "object id model created_at finished_at fine_tuned_model organization_id result_files status validation_file "
        "training_file hyperparameters trained_tokens error user_provided_suffix seed estimated_finish integrations "
        "metadata usage_metrics shared_with_openai method eval_id",
        id=Field("OBS", "`ftjob-` and 24 characters", azure="`ftjob-` and 32 hex digits"),
        model=Field("OBS", "the dated snapshot, also where an alias was given; the tuned model that is tuned again"),
        finished_at=Field("CN1229, PINOLO", "null for ever where validation failed"),
        fine_tuned_model=Field(
            "PINOLO", "`ft:base:org:suffix:id`, set with `succeeded`", azure="`base.ft-<32 hex>`, `-suffix` after it"
        ),
        result_files=Field("PINOLO", "one id once the job succeeded, unless the scenario delays it"),
        status=Field(
            "OBS, SPEC",
            "`validating_files` at creation",
            sdk="`queued` for a paused job",
            azure="`pending` for `validating_files` and `queued`",
        ),
        hyperparameters=Field(
            "PINOLO, CN1229", "null for dpo and reinforcement", sdk="the three numbers, whatever the method"
        ),
        trained_tokens=Field("RUBY, PINOLO", "null until the job succeeded"),
        error=Field("RUBY", "`{}` unless the job failed", sdk="null unless the job failed"),
        seed=Field("OBS", "drawn where none was given"),
        estimated_finish=Field(
            "PINOLO, CN1229, PY0225", "null; a number while the job runs where the scenario says so (assumed)"
        ),
        integrations=Field("SPEC", "echoed; nothing is sent to Weights & Biases"),
        metadata=Field("SPEC"),
        usage_metrics=Field("SPEC", "always null"),
        shared_with_openai=Field("SPEC, RFTDOC", "always false"),
        method=Field("CN1229, SPEC", "hyperparameters are `auto` first, then numbers"),
        eval_id=Field("RFTDOC", "null, and for reinforcement alone"),
    ),
    "jobs.FineTuningJobError": _object("job.error", "CN1229, PY0225", "code message param", _JOB),
    "jobs.NoError": _object("job.error of a healthy job", "RUBY", "", _JOB),
    "jobs.ResolvedHyperparameters": _object("hyperparameters", "PINOLO, CN1229", _NUMBERS, _JOB),
    "jobs.ResolvedDpoHyperparameters": _object(
        "hyperparameters of dpo",
        "CN1229",
        f"{_NUMBERS} beta",
        _JOB,
        beta=Field("CN1229", "0.1 at once, while the others still say `auto`"),
    ),
    "jobs.ResolvedReinforcementHyperparameters": _object(
        "hyperparameters of reinforcement",
        "SPEC, values assumed",
        f"{_NUMBERS} compute_multiplier eval_interval eval_samples reasoning_effort",
        _JOB,
    ),
    "jobs.MethodView": _object("job.method", "CN1229, SPEC", "type supervised dpo reinforcement", _JOB),
    "jobs.SupervisedMethodView": _object("job.method.supervised", "CN1229", "hyperparameters", _JOB),
    "jobs.DpoMethodView": _object("job.method.dpo", "CN1229", "hyperparameters", _JOB),
    "jobs.ReinforcementMethodView": _object(
        "job.method.reinforcement",
        "SPEC, RFTDOC",
        "grader response_format hyperparameters",
        _JOB,
        grader=Field("SPEC, RFTDOC", "normalized as `validate` answers it"),
        response_format=Field("RFTDOC, SPEC", "null where none was given"),
    ),
    "jobs.IntegrationView": _object("job.integrations[]", "SPEC", "type wandb", _JOB),
    "jobs.WandbView": _object(
        "job.integrations[].wandb",
        "SPEC",
        "project name entity tags run_id",
        _JOB,
        run_id=Field("SPEC", "the job's id"),
    ),
    "jobs.FineTuningJobEvent": _object(
        _EVENT,
        "PINOLO, CN1229",
        "object id created_at level message data type",
        data=Field("PINOLO, PY0225", '`{}`; null for "Fine-tuning job started"'),
        type=Field(
            "PINOLO, SFTDOC",
            "`message` or `metrics`; `moderation_checks` where the scenario says so",
            sdk="`message` for all but `metrics`",
        ),
    ),
    "jobs.NoData": _object("event.data of a message", "PINOLO", "", _EVENT),
    "jobs.ModerationData": _object(
        "event.data of moderation_checks",
        "SFTDOC, RFTDOC, shape assumed",
        "blocked results",
        _EVENT,
        results=Field("SFTDOC, RFTDOC, shape assumed", "one entry for each of the thirteen categories"),
    ),
    "jobs.ModerationResult": _object(
        "event.data.results[] of moderation_checks", "SFTDOC, RFTDOC, shape assumed", "category flagged", _EVENT
    ),
    "jobs.MetricsData": _object("event.data of metrics", "SEED, PINOLO, NERBOOK", _LOSSES, _EVENT),
    "jobs.RewardData": _object(
        "event.data of reinforcement",
        "RFTDOC",
        "step usage errors scores timing total_steps train_mean_reward reasoning_tokens_mean completion_tokens_mean "
        "full_valid_mean_reward mean_unresponsive_rewards model_graders_token_usage full_valid_mean_parse_error "
        "valid_reasoning_tokens_mean",
        _EVENT,
        mean_unresponsive_rewards=Field("RFTDOC", "always 0"),
    ),
    "jobs.FineTuningJobCheckpoint": _object(
        "checkpoint",
        "PINOLO",
        "object id created_at fine_tuned_model_checkpoint fine_tuning_job_id metrics step_number",
        fine_tuned_model_checkpoint=Field("PINOLO", "the last one is the model itself"),
    ),
    "jobs.CheckpointMetrics": _object(
        "checkpoint.metrics",
        "PINOLO",
        "step train_loss train_mean_token_accuracy valid_loss valid_mean_token_accuracy full_valid_loss "
        "full_valid_mean_token_accuracy",
        "checkpoint",
        full_valid_loss=Field("SFTDOC"),
        full_valid_mean_token_accuracy=Field("SFTDOC"),
    ),
    "jobs.RewardCheckpointMetrics": _object(
        "checkpoint.metrics of reinforcement", "assumed", "step train_reward_mean valid_reward_mean", "checkpoint"
    ),
    "permissions.CheckpointPermission": _object("checkpoint permission", "SPEC", "object id created_at project_id"),
    "model_limits.ModelLimits": _object(
        "model limits", "LIMITS", "id curr_pending_jobs max_pending_jobs jobs_so_far_today max_jobs_per_day"
    ),
    "graders.ValidateGraderResponse": _object("validated grader", "SPEC, EVALPROTOCOL", "grader"),
    "graders.RunGraderResponse": _object(
        _RUN, "SPEC, EVALPROTOCOL", "reward metadata sub_rewards model_grader_token_usage_per_model"
    ),
    "graders.RunGraderMetadata": _object(
        "grader run.metadata",
        "SPEC, EVALPROTOCOL",
        "name type errors execution_time scores token_usage sampled_model_name",
        _RUN,
        errors=Field("EVALPROTOCOL", "24 keys", sdk="the 14 keys the SDK's type has"),
        execution_time=Field("SPEC, EVALPROTOCOL", "played: a number, no time is taken"),
        scores=Field("SPEC", "always `{}`"),
        token_usage=Field("SPEC", "an object for graders that ask a model, as SPEC's example has it", sdk="its total"),
    ),
    "graders.TokenUsage": _object(
        "grader run.metadata.token_usage", "SPEC", "prompt_tokens total_tokens completion_tokens cached_tokens", _RUN
    ),
    # -- files and models ----------------------------------------------------------------------------------------------
    "files.OpenAIFile": _object(
        "file",
        "RUBY",
        "object id purpose filename bytes created_at expires_at status status_details",
        id=Field("OBS", "`file-` and 22 characters", azure="`file-` and 32 hex digits"),
        purpose=Field("RUBY, SPEC", sdk="`user_data` for `evals`, which the SDK's type does not know"),
        filename=Field(
            "RUBY, OBS", "`step_metrics.csv` for a result file", azure="`results.csv`, served as plain text"
        ),
        bytes=Field("RUBY", "of a result file the size of its CSV, not of its base64"),
        status=Field("RUBY", azure="`pending` for `uploaded`"),
    ),
    "uploads.Upload": _object(
        "upload",
        "SPEC",
        "id object bytes created_at filename purpose status expires_at file",
        expires_at=Field("SPEC", "an hour after its creation"),
        file=Field("SPEC", "null until it is completed; its values as those of a file"),
    ),
    "uploads.UploadPart": _object("upload part", "SPEC", "id object created_at upload_id"),
    "models.Model": _object(
        "model",
        "RUBY",
        "id object created owned_by shutdown_date",
        owned_by=Field("RUBY, of tuned models assumed"),
        shutdown_date=Field("SPEC, SDK, DEPDOC", "null under the profile `classic`"),
    ),
    "models.ModelList": _object("list of models", "RUBY", "object data"),
    # -- answers -------------------------------------------------------------------------------------------------------
    "chat.ChatCompletion": _object(
        _CHAT,
        "SPEC, OBS",
        "id object created model choices usage service_tier system_fingerprint",
        model=Field("OBS", azure="the model behind the deployment"),
    ),
    "chat.Choice": _object("chat completion.choices[]", "SPEC", "index message logprobs finish_reason", _CHAT),
    "chat.ChatCompletionMessage": _object(
        "chat completion.choices[].message",
        "SPEC",
        "role content tool_calls function_call refusal annotations",
        _CHAT,
        refusal=Field("SPEC", "always null"),
        annotations=Field("SPEC", "always `[]`"),
    ),
    "chat.ToolCall": _object("tool call", "SPEC", "id type function custom", _CHAT),
    "chat.ToolCallFunction": _object("tool call.function", "SPEC", "name arguments", _CHAT),
    "chat.CustomToolCallInput": _object("tool call.custom", "SPEC", "name input", _CHAT),
    "chat.Logprobs": _object("logprobs", "SPEC", "content refusal", _CHAT, content=Field("SPEC", "drawn")),
    "chat.TokenLogprob": _object("logprobs.content[]", "SPEC", "token logprob bytes top_logprobs", _CHAT),
    "chat.TopLogprob": _object("logprobs.content[].top_logprobs[]", "SPEC", "token logprob bytes", _CHAT),
    "chat.CompletionUsage": _object(
        "chat completion.usage",
        "SPEC, OBS",
        "prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details",
        _CHAT,
    ),
    "chat.PromptTokensDetails": _object("usage.prompt_tokens_details", "SPEC", "cached_tokens audio_tokens", _CHAT),
    "chat.CompletionTokensDetails": _object(
        "usage.completion_tokens_details",
        "SPEC",
        "reasoning_tokens audio_tokens accepted_prediction_tokens rejected_prediction_tokens",
        _CHAT,
    ),
    "stored_completions.StoredChatCompletion": _object(
        "stored completion",
        "SPEC",
        "object id model created tool_choice usage seed top_p temperature presence_penalty frequency_penalty "
        "system_fingerprint input_user service_tier tools metadata choices response_format",
    ),
    "stored_completions.StoredMessage": _object(
        "stored message",
        "SPEC",
        "id role content name content_parts refusal tool_calls function_call tool_call_id",
        role=Field("SPEC", sdk="`assistant` for all: the SDK's type knows no other"),
    ),
    "completions.Completion": _object("completion", "SPEC", "id object created model choices usage"),
    "completions.CompletionChoice": _object(
        "completion.choices[]",
        "SPEC",
        "text index logprobs finish_reason",
        "completion",
        finish_reason=Field("SPEC, OBS", "null in all but the last chunk of a stream", sdk="a choice is one chunk"),
    ),
    "completions.CompletionLogprobs": _object(
        "completion.choices[].logprobs",
        "SPEC",
        "tokens token_logprobs top_logprobs text_offset",
        "completion",
        token_logprobs=Field("OBS", "null for the first token of an echoed prompt", sdk="0 there"),
        top_logprobs=Field("OBS", "null for the first token of an echoed prompt", sdk="`{}` there"),
    ),
    "completions.CompletionUsage": _object(
        "completion.usage", "SPEC", "prompt_tokens completion_tokens total_tokens", "completion"
    ),
    "response_objects.ResponseObject": _object(
        _RESPONSE,
        "SDK, 3P",
        "id object created_at status background completed_at error incomplete_details instructions max_output_tokens "
        "max_tool_calls model output parallel_tool_calls previous_response_id prompt_cache_key prompt_cache_retention "
        "reasoning safety_identifier service_tier store temperature text tool_choice tools top_logprobs top_p "
        "truncation usage user metadata",
        background=Field("SDK", "always false"),
        error=Field("SDK", "always null"),
    ),
    "response_objects.IncompleteDetails": _object("response.incomplete_details", "SDK", "reason", _RESPONSE),
    "response_objects.ResponseUsage": _object(
        "response.usage",
        "SDK, 3P",
        "input_tokens input_tokens_details output_tokens output_tokens_details total_tokens",
        _RESPONSE,
    ),
    "response_objects.InputTokensDetails": _object(
        "response.usage.input_tokens_details", "SDK", "cached_tokens cache_write_tokens", _RESPONSE
    ),
    "response_objects.OutputTokensDetails": _object(
        "response.usage.output_tokens_details", "SDK", "reasoning_tokens", _RESPONSE
    ),
    "response_objects.InputTokens": _object("count of input tokens", "SDK", "object input_tokens"),
    "moderations.CreateModerationResponse": _object("moderation", "SDK", "id model results"),
    "moderations.Moderation": _object(
        "moderation.results[]",
        "SDK",
        "flagged categories category_scores category_applied_input_types",
        "moderation",
        category_scores=Field("mocktune", "made up from a table of phrases"),
    ),
    # -- webhooks ------------------------------------------------------------------------------------------------------
    "webhook_endpoints.WebhookEndpoint": _object(
        "webhook endpoint",
        "SDK, DOC",
        "id created_at event_types name object signing_secret_hint url updated_at",
        signing_secret_hint=Field("assumed", "the last four characters of the secret"),
    ),
    "webhook_endpoints.WebhookEndpointWithSecret": _object(
        "webhook endpoint with its secret",
        "SDK, DOC",
        "id created_at event_types name object signing_secret signing_secret_hint url updated_at",
        signing_secret=Field("SDK, DOC", "told once, at creation and rotation"),
    ),
    "webhook_endpoints.WebhookEndpointTestResult": _object(
        "webhook test", "SDK", "event_type object status_code success webhook_endpoint_id"
    ),
    "webhook_endpoints.WebhookEventTypeList": _object("list of event types", "SDK", "data object"),
    # -- Azure ---------------------------------------------------------------------------------------------------------
    "deployments.Deployment": _object(
        "Azure deployment",
        "learn.microsoft.com",
        "id object model status owner created_at updated_at scale_settings",
        status=Field("learn.microsoft.com", "`running` until the model is ready, then `succeeded`"),
    ),
    "deployments.ScaleSettings": _object(
        "Azure deployment.scale_settings", "learn.microsoft.com", "scale_type", "Azure deployment"
    ),
    "deployments.DeploymentList": _object("list of Azure deployments", "learn.microsoft.com", "object data"),
    "deployments.ManagedDeployment": _object(
        "Azure deployment of the resource manager", "learn.microsoft.com", "id name type sku properties"
    ),
    "deployments.ManagedDeploymentList": _object(
        "list of Azure deployments of the resource manager", "learn.microsoft.com", "value"
    ),
    # -- lists and errors ----------------------------------------------------------------------------------------------
    "base.List": _object("list", "RUBY, PINOLO", "object data has_more"),
    "base.CursorList": _object("list with cursors", "PINOLO, SPEC", "object data has_more first_id last_id"),
    "base.Deleted": _object("deletion", "RUBY", "id object deleted"),
    "base.ErrorResponse": _object("error envelope", "RUBY", "error"),
    "base.Error": _object(
        "error",
        "RUBY",
        "message type param code",
        "error envelope",
        type=Field("RUBY", azure="left out"),
        param=Field("RUBY", azure="left out"),
        code=Field("RUBY", azure="a word, or the status as text"),
    ),
}
"""Of the API; the control plane's objects are in ``CONTROL_OBJECTS``."""

CONTROL_OBJECTS: dict[str, ObjectFields] = {
    "control.Health": _object("health", "mocktune", "status version"),
    "control.Version": _object("version", "mocktune", "version spec openai_python openai_node"),
    "control.SchemaList": _object("schemas", "mocktune", "schemas"),
    "control.ClockState": _object(
        "clock", "mocktune", "clock now elapsed advance_on_poll max_frozen_reads refused_reads"
    ),
    "control.AdvanceResult": _object("advance", "mocktune", "now elapsed reached fired fired_dropped"),
    "control.FiredTransition": _object("advance.fired[]", "mocktune", "at kind id status job", "advance"),
    "control.SandboxTimeline": _object(
        "timeline",
        "mocktune",
        "started now elapsed happened happened_dropped trained_tokens cost_usd refused_reads refused_because",
    ),
    "sandboxes.SandboxList": _object("list of sandboxes", "mocktune", "object data has_more first_id last_id"),
    "sandboxes.Sandbox": _object(
        "sandbox",
        "mocktune",
        "id object label seed scenario clock now objects requests size_bytes opened_at last_used",
    ),
    "sandboxes.OpenedSandbox": _object(
        "sandbox that was opened",
        "mocktune",
        "id object label seed scenario clock now objects requests size_bytes opened_at last_used api_key base_url "
        "shared_base_url",
    ),
    "sandboxes.SandboxObjects": _object("sandbox.objects", "mocktune", "files jobs models", "sandbox"),
    "faults.Fault": _object("fault", "mocktune", "id source job made_at matched fired remaining"),
    "faults.FaultList": _object("list of faults", "mocktune", "faults"),
    "faults.FaultDeleted": _object("deletion of a fault", "mocktune", "id deleted"),
    "faults.FaultsDeleted": _object("deletion of faults", "mocktune", "deleted"),
    "control.Capabilities": _object(
        "capabilities",
        "mocktune",
        "version settings endpoints not_part_of_mocktune errors defects events fields models limits profiles "
        "differences assumed azure loose_rules sources",
    ),
    "control.ObjectFields": _object("capabilities.fields", "mocktune", "part_of fields", "capabilities"),
    "control.Limits": _object("capabilities.limits", "mocktune", "jobs bounds", "capabilities"),
    # -- webhooks ------------------------------------------------------------------------------------------------------
    "webhooks.Endpoint": _object(
        "who is sent events",
        "mocktune",
        "id object name url event_types created_at disabled_at signing_secret",
    ),
    "webhooks.EndpointList": _object("list of who is sent events", "mocktune", "endpoints"),
    "webhooks.EndpointDeleted": _object("deleted endpoint or listener", "mocktune", "id deleted"),
    "webhooks.Delivery": _object(
        "delivery",
        "mocktune",
        "object id event_id webhook_id event_type job endpoint url due_at state signature fault next_at reason "
        "attempts faults body",
    ),
    "webhooks.DeliveryAttempt": _object(
        "delivery.attempts[]", "mocktune", "at wall kind status_code failure headers", "delivery"
    ),
    "webhooks.FaultDecision": _object("delivery.faults[]", "mocktune", "rule_id fired reason", "delivery"),
    "webhooks.DeliveryList": _object("list of deliveries", "mocktune", "object data has_more first_id last_id dropped"),
    "webhooks.AwaitedDeliveries": _object("awaited deliveries", "mocktune", "count reached dropped"),
    "webhooks.Triggered": _object("triggered event", "mocktune", "deliveries"),
    "webhooks.Fetched": _object("fetched parcel", "mocktune", "parcel"),
    "webhooks.Parcel": _object("parcel", "mocktune", "id headers body", "fetched parcel"),
    "webhooks.Reported": _object("reported result", "mocktune", "id reported"),
    # -- states --------------------------------------------------------------------------------------------------------
    "state.Holding": _object("what a state put into a sandbox", "mocktune", "files jobs models now"),
    "state.Gallery": _object("gallery", "mocktune", "files jobs models"),
    # -- scenarios -----------------------------------------------------------------------------------------------------
    "scenarios.PresentScenario": _object("scenario", "mocktune", "name summary catches document"),
    "scenarios.PackagedScenario": _object("packaged scenario", "mocktune", "name summary catches packs expect"),
    "scenarios.WholeScenario": _object(
        "whole scenario", "mocktune", "name summary catches packs expect extends changes document"
    ),
    "scenarios.Expected": _object("scenario.expect", "mocktune", "outcome within allow", "packaged scenario"),
    "scenarios.Pack": _object("pack", "mocktune", "name summary scenarios"),
    "scenarios.ScenarioList": _object("list of scenarios", "mocktune", "scenarios packs"),
    "scenarios.ScenarioCheck": _object("check of a scenario", "mocktune", "ok problem key"),
    # -- the journal and the verdict -----------------------------------------------------------------------------------
    "requests.RequestEntry": _object(
        "request",
        "mocktune",
        "object ordinal id operation method path query headers at answered_at wall answered_wall status retry_after "
        "committed lost faults request response",
    ),
    "requests.Body": _object("request.request", "mocktune", "form content bytes cut", "request"),
    "requests.FaultDecision": _object("request.faults[]", "mocktune", "rule_id fired reason", "request"),
    "requests.RequestList": _object("list of requests", "mocktune", "object data has_more first_id last_id dropped"),
    "requests.RequestCount": _object("count of requests", "mocktune", "count dropped"),
    "requests.AwaitedRequests": _object("awaited count of requests", "mocktune", "count reached dropped"),
    "requests.Verification": _object("verification", "mocktune", "verified count expected dropped near_misses"),
    "requests.NearMiss": _object("verification.near_misses[]", "mocktune", "entry differs", "verification"),
    "requests.Difference": _object(
        "verification.near_misses[].differs[]", "mocktune", "what wanted found", "verification"
    ),
    "requests.DroppedRequests": _object("deletion of requests", "mocktune", "deleted"),
    "verdict.Verdict": _object("verdict", "mocktune", "clean complete incomplete requests findings allowed"),
    "verdict.Finding": _object(
        "verdict.findings[]", "mocktune", "code title summary remedy times evidence page", "verdict"
    ),
    "verdict.Evidence": _object(
        "verdict.findings[].evidence[]", "mocktune", "ordinal id at operation status what", "verdict"
    ),
}
"""Of the control plane, ``/_mocktune``."""
