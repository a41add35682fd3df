"""Every metric of every process, by name, help, labels and buckets. The only importer of prometheus_client.

Labels take their values from closed sets, or from what an operator declares (topics, partitions, duties). What upstream
wrote never becomes a label: an unknown value is counted as `other`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hitl_stream.policy.verdict import Rule
from hitl_stream.review.state import Fate, Reason

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
OTHER: Final = "other"
NO_REASON: Final = "none"

FATES: Final = frozenset((*Fate, "duplicate", "conflict", "bad_record", "defect"))
REASONS: Final = frozenset((*Rule, *Reason))
ERRORS: Final = frozenset(("bad_record", "conflict", "defect"))
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
DEPENDENCIES: Final = frozenset(("postgres", "kafka", "dead_letters"))

BATCH_RECORDS_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
BATCH_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# From milliseconds on a quiet system to the hours of an outage.
END_TO_END_BUCKETS: Final = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    1_800.0,
    7_200.0,
)

cast(Callable[[], None], prometheus_client.disable_created_metrics)()  # twice the series, read by nobody
REGISTRY: Final = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)

BUILD_INFO = Gauge("hitl_build_info", "Always 1; which version this process runs.", ["version"], registry=REGISTRY)
RECORDS = Counter("hitl_records", "Records recorded, by what became of them.", ["topic", "fate"], registry=REGISTRY)
VERDICTS_GIVEN = Counter(
    "hitl_verdicts",
    "Verdicts of the policy on results as they come; one for review counts once per reason.",
    ["verdict", "reason"],
    registry=REGISTRY,
)
BATCH_RECORDS = Histogram(
    "hitl_batch_records", "Records in one transaction.", buckets=BATCH_RECORDS_BUCKETS, registry=REGISTRY
)
BATCH_SECONDS = Histogram(
    "hitl_batch_seconds", "From taking a batch to its commit.", buckets=BATCH_SECONDS_BUCKETS, registry=REGISTRY
)
END_TO_END_SECONDS = Histogram(
    "hitl_end_to_end_seconds",
    "From the record's timestamp to the commit of what was decided of it.",
    buckets=END_TO_END_BUCKETS,
    registry=REGISTRY,
)
LAG_RECORDS = Gauge(
    "hitl_lag_records", "Records behind the end of the partition.", ["topic", "partition"], registry=REGISTRY
)
LAG_SECONDS = Gauge(
    "hitl_lag_seconds",
    "Age of the oldest record not yet recorded; 0 when there is none.",
    ["topic", "partition"],
    registry=REGISTRY,
)
POSITION_MISMATCHES = Counter(
    "hitl_position_mismatches", "Batches given up because the partition has another owner now.", registry=REGISTRY
)
DUPLICATES = Counter(
    "hitl_duplicates", "Records whose identity was seen before with the same content.", registry=REGISTRY
)
CONFLICTS = Counter("hitl_conflicts", "Records whose identity was seen before with other content.", registry=REGISTRY)
DEAD_LETTERS = Counter("hitl_dead_letters", "Records that could not be used.", ["error"], registry=REGISTRY)
DEAD_LETTERS_REFUSED = Counter(
    "hitl_dead_letters_refused",
    "Dead letters that the broker did not take whole: published short or not at all. The database has them.",
    registry=REGISTRY,
)
KEY_MISMATCHES = Counter("hitl_key_mismatches", "Records whose key is not their patch id.", registry=REGISTRY)
ODD_TIMES = Counter("hitl_odd_times", "Records with a time of 1970 or 9999.", registry=REGISTRY)
UNAPPROVED_DEPLOYMENTS = Counter(
    "hitl_unapproved_deployments",
    "Artefacts that are deployed and did not, or no longer, stand approved. Above 0 somebody must look.",
    registry=REGISTRY,
)
DEPLOYMENT_ALARMS = Gauge(
    "hitl_deployment_alarms",
    "The same as the database has them: those too that a process recorded and died before it counted them.",
    registry=REGISTRY,
)
OUTBOX_OLDEST_SECONDS = Gauge(
    "hitl_outbox_oldest_seconds",
    "Age of the oldest decision or event not yet published; 0 when there is none.",
    registry=REGISTRY,
)
DEAD_LETTERS_OLDEST_SECONDS = Gauge(
    "hitl_dead_letters_oldest_seconds",
    "Age of the oldest dead letter not yet published; 0 when there is none. The database has them.",
    registry=REGISTRY,
)
MESSAGES_PUBLISHED = Counter(
    "hitl_messages_published", "Messages the broker acknowledged.", ["topic"], registry=REGISTRY
)
PUBLISH_RETRIES = Counter(
    "hitl_publish_retries", "Attempts to publish that failed and were repeated.", registry=REGISTRY
)
BREAKER_OPEN = Gauge("hitl_breaker_open", "1 while a dependency is away.", ["dependency"], registry=REGISTRY)
POLICY_VERSION = Gauge("hitl_policy_version", "The policy version of the last batch.", registry=REGISTRY)
HTTP_SECONDS = Histogram(
    "hitl_http_seconds",
    "From a request to its answer, by route and kind of status (2xx, 4xx, 5xx).",
    ["method", "route", "status"],
    buckets=BATCH_SECONDS_BUCKETS,
    registry=REGISTRY,
)
HTTP_REFUSALS = Counter(
    "hitl_http_refusals", "Requests refused, by status (401, 403, 409, 412, 429, …).", ["status"], registry=REGISTRY
)
DECISION_SECONDS = Histogram(
    "hitl_decision_seconds",
    "From the opening of a review to what a person decided: approved, rejected.",
    ["decision"],
    buckets=(10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800),
    registry=REGISTRY,
)
LIVE_CLIENTS = Gauge("hitl_live_clients", "Connections that listen to live updates.", registry=REGISTRY)
LIVE_LET_GO = Counter(
    "hitl_live_let_go", "Connections that were ended from our side, by close code.", ["code"], registry=REGISTRY
)
GLASS_BROKEN = Counter(
    "hitl_glass_broken", "Approvals by one person who broke the glass. Somebody must look.", registry=REGISTRY
)
GLASS_UNREVIEWED = Gauge(
    "hitl_glass_unreviewed", "Approvals by broken glass that nobody else reviewed yet.", registry=REGISTRY
)
FEEDBACK = Counter("hitl_feedback", "What people said about the console.", registry=REGISTRY)
SPANS_LOST = Counter("hitl_spans_lost", "Spans that no collector took.", registry=REGISTRY)
DUTY_LAST_SUCCESS = Gauge(
    "hitl_duty_last_success_timestamp_seconds",
    "When the duty last did all it had to, in Unix time.",
    ["duty"],
    registry=REGISTRY,
)
DUTY_FAILURES = Counter("hitl_duty_failures", "Attempts at a duty that failed.", ["duty"], registry=REGISTRY)
SCHEDULER_ACTIVE = Gauge("hitl_scheduler_active", "1 while this scheduler holds the lease.", registry=REGISTRY)

for _error in ERRORS:
    DEAD_LETTERS.labels(_error)
for _dependency in DEPENDENCIES:
    BREAKER_OPEN.labels(_dependency)


def exposition() -> bytes:
    """All metrics in the text format, to be served as CONTENT_TYPE."""
    return generate_latest(REGISTRY)


def count_records(topic: str, fate: str, count: int = 1) -> None:
    """Count records by what became of them; duplicates, conflicts and dead letters have counters of their own too."""
    RECORDS.labels(topic, _known(fate, FATES)).inc(count)
    if fate == "duplicate":
        DUPLICATES.inc(count)
    if fate == "conflict":
        CONFLICTS.inc(count)
    if fate in ERRORS:
        DEAD_LETTERS.labels(fate).inc(count)


def count_approvals(count: int) -> None:
    """Count `count` verdicts for approval, which have no reason."""
    VERDICTS_GIVEN.labels("approve", NO_REASON).inc(count)


def count_reason(reason: str, count: int) -> None:
    """Count `count` verdicts for review that had this reason."""
    VERDICTS_GIVEN.labels("review", _known(reason, REASONS)).inc(count)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request; `route` is the pattern of a route of ours, never what was asked for."""
    known = _known(method, METHODS)
    HTTP_SECONDS.labels(known, route, f"{status // 100}xx").observe(seconds)
    if 400 <= status < 500:
        HTTP_REFUSALS.labels(str(status)).inc()


def set_oldest_ages(events_s: float | None, letters_s: float | None) -> None:
    """Say how old the oldest unpublished messages are, None where there is none."""
    OUTBOX_OLDEST_SECONDS.set(events_s or 0.0)
    DEAD_LETTERS_OLDEST_SECONDS.set(letters_s or 0.0)


def set_breaker(dependency: str, *, is_open: bool) -> None:
    """Say whether a dependency is away."""
    BREAKER_OPEN.labels(_known(dependency, DEPENDENCIES)).set(1 if is_open else 0)


def forget_partition(topic: str, partition: int) -> None:
    """Drop the lag of a partition that another process owns now; the old figure would stand for ever."""
    for gauge in (LAG_RECORDS, LAG_SECONDS):
        try:
            gauge.remove(topic, str(partition))
        except KeyError:
            continue


def _known(value: str, allowed: frozenset[str]) -> str:
    return value if value in allowed else OTHER
