"""What is wrong with a grader: answered by validate, by run, and by the creation of a reinforcement job.

``{path}`` is the dotted path of the field and the error's ``param``. The sentences for types, unknown and missing
parameters and enumerations are those recorded on other routes; that graders use them too is assumed, except for
INVALID_TYPE inside a multi grader (openai-java 647: *Invalid type for 'graders.input': expected an object, but got a
string instead.*).
"""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, ParameterError

_CHECKED_BY = ("fine_tuning.alpha.graders.run", "fine_tuning.alpha.graders.validate", "fine_tuning.jobs.create")

MISSING = ErrorKind(
    error=ParameterError,
    message="Missing required parameter: '{path}'.",
    source="assumed",
    operations=_CHECKED_BY,
    code="missing_required_parameter",
)
UNKNOWN = ErrorKind(
    error=ParameterError,
    message="Unknown parameter: '{path}'.",
    source="assumed",
    operations=_CHECKED_BY,
    code="unknown_parameter",
)
INVALID_TYPE = ErrorKind(
    error=ParameterError,
    message="Invalid type for '{path}': expected {expected}, but got {got} instead.",
    source="openai-java 647",
    operations=_CHECKED_BY,
    code="invalid_type",
)
NOT_SUPPORTED = ErrorKind(
    error=ParameterError,
    message="Invalid value: '{value:.100}'. Supported values are: {allowed}.",
    source="assumed",
    operations=_CHECKED_BY,
    code="invalid_value",
)
INVALID = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': {reason}.",
    source="assumed",
    operations=_CHECKED_BY,
    code="invalid_value",
)
STRING_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': string too long. Expected a string with maximum length {most}, but got a string with "
    "length {length} instead.",
    source="assumed",
    operations=_CHECKED_BY,
    code="string_above_max_length",
)
ARRAY_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': array too long. Expected an array with maximum length {most}, but got an array with "
    "length {length} instead.",
    source="assumed",
    operations=_CHECKED_BY,
    code="array_above_max_length",
)
ONLY_FOR_EVALS = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': '{value}' is only available for evals.",
    source="GRADDOC, words assumed",
    operations=_CHECKED_BY,
    code="invalid_value",
)
LABEL_MODEL_ALONE = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': a 'label_model' grader is only available inside a 'multi' grader and for evals.",
    source="SPEC, words assumed",
    operations=_CHECKED_BY,
    code="invalid_value",
)
NESTED_MULTI = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': a 'multi' grader cannot contain another 'multi' grader.",
    source="GRADDOC, words assumed",
    operations=_CHECKED_BY,
    code="invalid_value",
)
PYTHON_NOT_RUN = ErrorKind(
    error=ParameterError,
    message="'{path}' is a 'python' grader, and mocktune runs no code of its clients: it checks the source, and plays "
    "a score for it in reinforcement jobs.",
    source="mocktune",
    operations=("fine_tuning.alpha.graders.run",),
    code="python_grader_not_run",
)
