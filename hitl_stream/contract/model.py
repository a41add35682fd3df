"""The public contract: every event in and out as pydantic models, from which the JSON Schemas are generated.

Strict: a text where a number belongs is a bad record. Unknown members are accepted (and kept, in the stored payload),
a null means missing. Incoming enumerations stay texts here; `vocabulary` says what they mean.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from hitl_stream.contract import vocabulary
from hitl_stream.contract.fact import OutcomeKind

DIFF_BYTES_MAX = 786_432
EXPECTED_RESULTS_MAX = 2**31 - 1

TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
)
_TIME = re.compile(TIME[1:-1])
# The outermost microseconds mean infinity to asyncpg.
_FIRST = datetime.min.replace(tzinfo=UTC, microsecond=1)
_LAST = datetime.max.replace(tzinfo=UTC, microsecond=999_998)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_DIGEST = re.compile(r"sha256:[0-9a-fA-F]{64}")


def is_odd(moment: datetime) -> bool:
    """Times that cannot be true are accepted, but counted."""
    return not 2000 <= moment.year < 2100


def read_time(value: Any) -> datetime:
    """An ISO 8601 date and time as UTC; naive ones are UTC, and what cannot be stored is cut to the first or last moment."""
    if type(value) is not str:
        raise PydanticCustomError("time_type", "Input should be a time as text")
    if _TIME.fullmatch(value) is None:
        raise PydanticCustomError("time", "Input should be an ISO 8601 date and time")
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise PydanticCustomError("time", "Input should be a time that exists") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elif moment.tzinfo is not UTC:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            return _LAST if moment.year > 1 else _FIRST
    return moment if 1 < moment.year < 9999 else min(max(moment, _FIRST), _LAST)


def _read_diff(value: Any) -> str:
    if type(value) is not str:
        raise PydanticCustomError("string_type", "Input should be a valid string")
    if len(value) * 4 > DIFF_BYTES_MAX:
        length = len(value) if value.isascii() else len(value.encode())
        if length > DIFF_BYTES_MAX:
            raise PydanticCustomError(
                "diff_too_long", f"Input should have at most {DIFF_BYTES_MAX} bytes, it has {length}"
            )
    return value


def _read_status(value: Any) -> str | bool:
    if type(value) is not str and type(value) is not bool:
        raise PydanticCustomError("status_type", "Input should be a valid string or boolean")
    return value


def _read_patch_id(value: str) -> str:
    if value in {".", ".."}:
        raise PydanticCustomError("patch_id", "Input should not be . or .., which no URL can carry")
    return value


def _read_outcome(value: Any) -> OutcomeKind:
    found = vocabulary.outcome(value) if type(value) is str else None
    if found is None:
        raise PydanticCustomError("outcome", f"Input should be one of {', '.join(vocabulary.OUTCOME)}")
    return found


def _read_digest(value: Any) -> bytes | None:
    if value is None:
        return None
    if type(value) is not str or _DIGEST.fullmatch(value) is None:
        raise PydanticCustomError("digest", "Input should be sha256: and 64 hexadecimal digits")
    return bytes.fromhex(value[7:])


def _whole(value: Any) -> Any:
    """1.0 and 1e0 are the integer 1 in JSON."""
    return int(value) if type(value) is float and value.is_integer() else value


def _any_case(words: Any) -> str:
    """A pattern for these words in upper and lower case, for schemas: their patterns know no flags."""
    return f"^({'|'.join(''.join(f'[{c.upper()}{c}]' if c.isalpha() else c for c in w) for w in words)})$"


def _listed(words: Any) -> dict[str, Any]:
    return {"description": f"Compared without regard to case: {', '.join(words)}; any other word counts as unknown."}


Id = Annotated[str, Field(min_length=1, max_length=255)]
PatchId = Annotated[
    Id, AfterValidator(_read_patch_id), Field(description="Opaque.", json_schema_extra={"not": {"enum": [".", ".."]}})
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Time = Annotated[
    datetime,
    PlainValidator(read_time),
    WithJsonSchema({"type": "string", "pattern": TIME, "description": "ISO 8601; without an offset it is UTC."}),
]
Diff = Annotated[
    str,
    PlainValidator(_read_diff),
    WithJsonSchema({"type": "string", "description": f"At most {DIFF_BYTES_MAX} bytes of UTF-8."}),
]
Status = Annotated[
    str | bool,
    PlainValidator(_read_status),
    WithJsonSchema({"type": ["string", "boolean"], **_listed([*vocabulary.STATUS, "true", "false"])}),
]
Outcome = Annotated[
    OutcomeKind,
    PlainValidator(_read_outcome),
    WithJsonSchema({"type": "string", "pattern": _any_case(vocabulary.OUTCOME)}),
]
Digest = Annotated[
    bytes | None,
    PlainValidator(_read_digest),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_DIGEST.pattern}$"}, {"type": "null"}]}),
]
# The bounds before the validator: behind it pydantic writes them into the schema as `ge` and `le`.
ExpectedResults = Annotated[int, Field(ge=1, le=EXPECTED_RESULTS_MAX), BeforeValidator(_whole)]


class Incoming(BaseModel):
    model_config = ConfigDict(strict=True, frozen=False, extra="ignore", protected_namespaces=())


class Vulnerability(Incoming):
    """What is wrong, as far as upstream knows."""

    severity: Annotated[str | None, Field(json_schema_extra=_listed(vocabulary.SEVERITY))] = None
    cvss_score: Annotated[float, Field(ge=0, le=10)] | None = None
    cvss_vector: str | None = None
    cwe_ids: list[str] | None = None
    summary: str | None = None
    description: str | None = None
    references: list[str] | None = None
    package: str | None = None
    ecosystem: str | None = None
    language: str | None = None
    current_version: str | None = None
    target_version: str | None = None
    affected_systems: list[str] | None = None
    detected_at: Time | None = None


class Patch(Incoming):
    """The artefact. Without a diff there is nothing to bind a decision to; without `flagged` nobody approves by policy."""

    diff: Diff | None = None
    strategy: str | None = None
    risk: Annotated[str | None, Field(json_schema_extra=_listed(vocabulary.RISK))] = None
    author: str | None = None
    pr_url: str | None = None
    commit_sha: str | None = None
    flagged: bool | None = None
    flag_reason: str | None = None


class Exploit(Incoming):
    """One exploit, run before (phase 1) and after (phase 2) the patch."""

    exploit_id: Id
    category: str | None = None
    phase1_exploit_worked: bool
    phase2_exploit_worked: bool
    error: str | None = None
    duration_ms: Duration


class Wargame(Incoming):
    """What came of the exploits. `expected_results` counts distinct run ids."""

    run_id: Id
    status: Status
    method: Id
    exploits: list[Exploit]
    expected_results: ExpectedResults | None = None
    duration_ms: Duration | None = None
    executed_at: Time


class Ml(Incoming):
    """`confidence` is certainty in the predicted class, whichever that is."""

    prediction: bool
    confidence: Share
    probabilities: list[Number] | None = None
    model_version: str
    shap_values: dict[str, Number] | None = None
    shap_base_value: Number | None = None
    execution_time_ms: Duration | None = None


class Runtime(Incoming):
    """What upstream's own success metrics need."""

    cache_hit: bool | None = None
    ab_arm: str | None = None
    circuit_open: bool | None = None
    rate_limited: bool | None = None


class WargamingResultData(Incoming):
    """One result of wargaming, with the scores of the model."""

    patch_id: PatchId
    apv_id: Id
    cve_id: Id | None = None
    vulnerability: Vulnerability | None = None
    patch: Patch | None = None
    wargame: Wargame
    ml: Ml | None = None
    runtime: Runtime | None = None
    synthetic: bool | None = None


class EurekaOutcomeData(Incoming):
    """What became of a patch after its decision."""

    patch_id: PatchId
    decision_id: Id | None = None
    patch_digest: Digest = None
    outcome: Outcome
    detail: str | None = None
    observed_at: Time


SPECVERSION: Final = "1.0"
RESULT_TYPE: Final = "wargaming.result.v1"
OUTCOME_TYPE: Final = "eureka.outcome.v1"


def _read_attribute(value: str) -> str:
    if not value.isprintable() and CONTROL.search(value):
        raise PydanticCustomError("control", "Input should have no control characters")
    return value


def _read_source(value: str) -> str:
    if value.split() != [value]:
        raise PydanticCustomError("source", "Input should be a URI reference, which has no blanks")
    return value


Attribute = Annotated[
    str, AfterValidator(_read_attribute), Field(json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"})
]
EventId = Annotated[Attribute, Field(min_length=1, max_length=255)]
Source = Annotated[
    str,
    AfterValidator(_read_attribute),
    AfterValidator(_read_source),
    Field(min_length=1, max_length=255, json_schema_extra={"pattern": r"^[^\s\u0000-\u001f\u007f-\u009f]*$"}),
]


class IncomingEvent(Incoming):
    """CloudEvents 1.0, structured mode; in binary mode the attributes are ce_ headers. (source, id) decides identity."""

    specversion: Literal["1.0"]
    id: EventId
    source: Source
    subject: Annotated[Attribute | None, Field(description="The patch_id, if given.")] = None
    time: Time | None = None
    datacontenttype: Attribute | None = None
    traceparent: Attribute | None = None


class WargamingResult(IncomingEvent):
    type: Literal["wargaming.result.v1"]
    data: WargamingResultData


class EurekaOutcome(IncomingEvent):
    type: Literal["eureka.outcome.v1"]
    data: EurekaOutcomeData
