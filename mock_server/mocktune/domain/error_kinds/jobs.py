"""What ``/fine_tuning/jobs`` refuses, and in which words."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, InvalidRequestError, NotFoundError, ParameterError

CREATE = "fine_tuning.jobs.create"
LIST = "fine_tuning.jobs.list"
_ONE = tuple(
    f"fine_tuning.jobs.{each}" for each in ("retrieve", "cancel", "pause", "resume", "list_events", "checkpoints.list")
)

NO_SUCH_JOB = ErrorKind(
    error=NotFoundError,
    message="Could not find fine tune: {id:.200}",
    code="fine_tune_not_found",
    param="fine_tune_id",
    source="RUBY",
    operations=_ONE,
)
INVALID_FILE = ErrorKind(
    error=ParameterError,
    message="invalid {which}: {id:.200}",
    source="OBS",
    operations=(CREATE,),
)
MODEL_NOT_AVAILABLE = ErrorKind(
    error=InvalidRequestError,
    message="Model {model:.200} is not available for fine-tuning or does not exist.",
    code="model_not_available",
    param="model",
    source="OBS",
    operations=(CREATE,),
)
MISSING_GRADER = ErrorKind(
    error=ParameterError,
    message="Missing required parameter: 'method.reinforcement.grader'.",
    code="missing_required_parameter",
    param="method.reinforcement.grader",
    source="SPEC, REC 5.3",
    operations=(CREATE,),
)
NO_JSON_SCHEMA_FORMAT = ErrorKind(
    error=ParameterError,
    message="Invalid 'response_format': expected {{'type': 'json_schema', 'json_schema': {{'name': ..., 'schema': "
    "...}}}}.",
    code="invalid_value",
    param="method.reinforcement.response_format",
    source="assumed",
    operations=(CREATE,),
)
ALREADY_COMPLETED = ErrorKind(
    error=InvalidRequestError,
    message="Job has already completed: {id}",
    source="assumed",
    operations=("fine_tuning.jobs.cancel",),
)
WRONG_STATE = ErrorKind(
    error=InvalidRequestError,
    message='Cannot {do} job {id} with status "{status}".',
    source="assumed",
    operations=("fine_tuning.jobs.pause", "fine_tuning.jobs.resume"),
)
TOO_MANY_PAUSES = ErrorKind(
    error=InvalidRequestError,
    message="Job {id} was paused {most} times; mocktune takes no more.",
    source="mocktune",
    operations=("fine_tuning.jobs.pause",),
)
UNKNOWN_SCENARIO = ErrorKind(
    error=ParameterError,
    message="metadata.mocktune_scenario: {problem}",
    code="invalid_value",
    param="metadata.mocktune_scenario",
    source="mocktune",
    operations=(CREATE,),
)
METADATA_BOTH_WAYS = ErrorKind(
    error=ParameterError,
    message="Invalid 'metadata': give either metadata[key]=value pairs or metadata=null, not both.",
    code="invalid_value",
    param="metadata",
    source="assumed",
    operations=(LIST,),
)
TOO_MANY_QUERY_FIELDS = ErrorKind(
    error=InvalidRequestError,
    message="Too many query parameters: at most {most} are read.",
    code="invalid_value",
    source="mocktune",
    operations=(LIST,),
)
