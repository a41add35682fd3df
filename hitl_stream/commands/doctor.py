"""`hitl-stream doctor`: looks at everything a process needs, and says of each what is wrong and what to do about it.

Changes nothing. Every question has a time limit, so it ends within about 30 s whatever is away.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import typer

from hitl_stream import settings
from hitl_stream.broker import admin, topology
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.commands.option import As, Output
from hitl_stream.contract import topics as contract
from hitl_stream.contract.topics import Topics
from hitl_stream.errors import HitlError
from hitl_stream.settings import Settings
from hitl_stream.store import diagnosis, revision
from hitl_stream.store.diagnosis import Diagnosis

POSTGRES_MIN = 15
CLOCK_SKEW_MAX_S = 2.0
OUTBOX_AGE_MAX_S = 60.0
LETTERS_HINT = "no decision waits for them; may workers write to their topic? run hitl-stream topics verify"


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. A problem has a hint what to do."""

    name: str
    state: State
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Broker:
    """What was asked of the broker."""

    cluster_id: str
    topic_ids: dict[str, str | None]
    newest_record_times: dict[str, float]
    differences: Sequence[str]
    asked_at: float


def run(output: As = Output.TEXT) -> None:
    """Check configuration, libraries, database, broker, topics and clocks. Exit code 1 when something is wrong."""
    checks = asyncio.run(examine())
    healthy = all(check.state is not State.PROBLEM for check in checks)
    if output is Output.JSON:
        print(json.dumps({"ok": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            print(f"{check.state:<8} {check.name:<14} {check.detail}")
            if check.hint:
                print(f"{'':<23} -> {check.hint}")
    raise typer.Exit(0 if healthy else 1)


async def examine() -> list[Check]:
    """Everything, the slow questions at the same time."""
    try:
        chosen = settings.load()
    except HitlError as error:
        return [
            Check("configuration", State.PROBLEM, str(error), "correct the environment; nothing else was looked at")
        ]
    database, broker, issuer = await asyncio.gather(_database(chosen), _broker(chosen), _issuer(chosen))
    return [
        _configuration(),
        *_libraries(),
        *(_database_checks(database) if isinstance(database, Diagnosis) else [database]),
        *(_broker_checks(broker) if isinstance(broker, Broker) else [broker]),
        *_both(database, broker),
        issuer,
    ]


def _configuration() -> Check:
    unknown = settings.unknown_variables()
    if unknown:
        return Check(
            "configuration", State.PROBLEM, f"nothing reads {', '.join(unknown)}", "look for a spelling mistake"
        )
    return Check("configuration", State.OK, "every variable is known and valid")


def _libraries() -> Iterator[Check]:
    from hitl_stream.stream import build

    missing = build.missing_codecs()
    yield (
        Check(
            "codecs", State.PROBLEM, f"cannot read {', '.join(missing)}", "install cramjam: pip install 'cramjam>=2.14'"
        )
        if missing
        else Check("codecs", State.OK, ", ".join(build.CODECS))
    )
    slow = build.not_compiled()
    yield (
        Check(
            "compiled",
            State.PROBLEM,
            f"{', '.join(slow)} run as plain Python",
            "install their wheels for this platform",
        )
        if slow
        else Check("compiled", State.OK, "faust and aiokafka have their compiled parts")
    )


async def _database(chosen: Settings) -> Diagnosis | Check:
    try:
        return await diagnosis.examine(chosen.database)
    except settings.SettingsInvalid as error:
        return Check("database", State.PROBLEM, str(error), "postgresql://user:password@host:5432/name")
    except HitlError as error:
        return Check(
            "database", State.PROBLEM, str(error), "is the address right, is Postgres running, who may connect?"
        )


async def _issuer(chosen: Settings) -> Check:
    from hitl_stream.sidecar import issuer, token

    if chosen.auth_issuer is None:
        return Check("issuer", State.SKIPPED, "HITL_AUTH_ISSUER is not set: people of the demo, on this machine only")
    try:
        keys = token.read_keys(await issuer.keys_of(chosen.auth_issuer, chosen.auth_jwks_url)())
    except HitlError as error:
        hint = "nobody can log in; is HITL_AUTH_ISSUER exactly what tokens say in `iss`, and is it reachable from here?"
        return Check("issuer", State.PROBLEM, str(error), hint)
    if not keys:
        return Check("issuer", State.PROBLEM, "it publishes no key that signs", "nobody can log in; see docs/login.md")
    return Check("issuer", State.OK, f"{chosen.auth_issuer} publishes {len(keys)} keys that sign")


def _database_checks(found: Diagnosis) -> Iterator[Check]:
    where = f"Postgres {found.version} as {found.user}, answers in {found.answer_s * 1000:.1f} ms"
    if found.version < POSTGRES_MIN:
        yield Check("database", State.PROBLEM, where, f"needed is Postgres {POSTGRES_MIN} or later")
    elif found.read_only:
        yield Check(
            "database", State.PROBLEM, f"{where}, read-only", "this is a standby: give the address of the primary"
        )
    else:
        yield Check("database", State.OK, where)
    if found.roles_refused:
        refused = ", ".join(found.roles_refused)
        hint = "run hitl-stream migrate up, or have a DBA grant them: GRANT role TO user"
        yield Check("roles", State.PROBLEM, f"{found.user} cannot take on {refused}", hint)
    else:
        yield Check("roles", State.OK, f"{found.user} can take on all {len(diagnosis.ROLES)}")
    needed = revision.head()
    if found.revision == revision.BASE or found.revision < needed:
        detail = f"the database stands at {found.revision}, needed is {needed}"
        yield Check("migrations", State.PROBLEM, detail, "run hitl-stream migrate up")
        return
    yield Check("migrations", State.OK, f"the database stands at {found.revision}, needed is {needed}")
    alive = ", ".join(f"{seen.kind} on {seen.host}" for seen in found.processes) or "none"
    yield Check("processes", State.OK, f"alive: {alive}")
    yield _silence(found.beyond_reach)
    yield _waiting("outbox", found.oldest.events_s, "does a worker run and reach Kafka?")
    yield _waiting("dead letters", found.oldest.letters_s, LETTERS_HINT)


def _silence(beyond_reach: Sequence[str]) -> Check:
    """Whether a process that stands still within a statement loses its locks (docs/decisions/0016)."""
    if beyond_reach:
        detail = f"whoever migrates may not end sessions of {', '.join(beyond_reach)}: frozen, one keeps its locks"
        hint = "GRANT that login to whoever migrates, or pg_signal_backend and pg_read_all_stats"
        return Check("frozen locks", State.PROBLEM, detail, hint)
    return Check("frozen locks", State.OK, "taken from a process of ours that stands still")


def _waiting(name: str, age_s: float | None, hint: str) -> Check:
    """What is recorded and not published yet."""
    if age_s is not None and age_s > OUTBOX_AGE_MAX_S:
        return Check(name, State.PROBLEM, f"a message has waited for {age_s:.0f} s", hint)
    return Check(name, State.OK, "empty" if age_s is None else f"the oldest message has waited for {age_s:.1f} s")


async def _broker(chosen: Settings) -> Broker | Check:
    try:
        topics = contract.load(chosen.topics_file, chosen.environment)
        return await asyncio.to_thread(_ask_broker, chosen.kafka, topics)
    except settings.SettingsInvalid as error:
        return Check("broker", State.PROBLEM, str(error), "host:port, several separated by commas")
    except contract.TopicsInvalid as error:
        return Check("topics", State.PROBLEM, str(error), "run hitl-stream topics lint")
    except HitlError as error:
        return Check(
            "broker", State.PROBLEM, str(error), "is the address right, is Kafka running, do TLS and SASL match?"
        )


def _ask_broker(connection: KafkaConnection, topics: Topics) -> Broker:
    """All questions one after the other: the first that is not answered ends it."""
    cluster = admin.cluster_id(connection)
    names = [topic.name for topic in topics]
    return Broker(
        cluster_id=cluster,
        topic_ids=admin.topic_ids(connection, names),
        newest_record_times={} if admin.is_mock(cluster) else admin.newest_record_times(connection, names),
        differences=_differences(connection, topics, mock=admin.is_mock(cluster)),
        asked_at=time.time(),
    )


def _differences(connection: KafkaConnection, topics: Topics, *, mock: bool) -> list[str]:
    """What the broker has otherwise than declared. The one built into librdkafka has no settings to compare."""
    if mock:
        counts = admin.partition_counts(connection, [topic.name for topic in topics])
        return [
            f"{topic.name} has {counts.get(topic.name, 0)} partitions, declared are {topic.partitions}"
            for topic in topics
            if counts.get(topic.name) != topic.partitions
        ]
    plan = topology.plan(topics, admin.describe(connection, [topic.name for topic in topics]))
    return [str(item) for item in (*plan.changes, *plan.refusals)]


def _broker_checks(found: Broker) -> Iterator[Check]:
    yield Check("broker", State.OK, f"cluster {found.cluster_id}")
    if found.differences:
        hint = "run hitl-stream topics plan, then apply"
        yield Check("topics", State.PROBLEM, "; ".join(found.differences), hint)
    else:
        yield Check("topics", State.OK, f"{len(found.topic_ids)} topics are as declared")


def _both(database: Diagnosis | Check, broker: Broker | Check) -> Iterator[Check]:
    """What needs two sides to be seen."""
    if isinstance(database, Diagnosis) and isinstance(broker, Broker):
        yield _positions(database, broker)
    else:
        yield Check("positions", State.SKIPPED, "needs the database and the broker")
    if isinstance(database, Diagnosis):
        ahead = database.clock_ahead_s
        detail = f"the database is {abs(ahead):.3f} s {'ahead of' if ahead > 0 else 'behind'} this host"
        wrong = abs(ahead) > CLOCK_SKEW_MAX_S + database.answer_s
        hint = "synchronise the clocks (NTP); decisions are dated by the database's" if wrong else ""
        yield Check("clock", State.PROBLEM if wrong else State.OK, detail, hint)
    else:
        yield Check("clock", State.SKIPPED, "needs the database")
    yield _record_clock(broker)


def _positions(database: Diagnosis, broker: Broker) -> Check:
    """Whether the topics are still those that the positions were made for."""
    mine = [stored for stored in database.topics if stored.cluster_id == broker.cluster_id]
    recreated = [
        stored.topic
        for stored in mine
        if stored.topic_id is not None and broker.topic_ids.get(stored.topic) not in (None, stored.topic_id)
    ]
    if recreated:
        names = ", ".join(recreated)
        return Check("positions", State.PROBLEM, f"recreated: {names}", "run hitl-stream positions show, then adopt")
    return Check("positions", State.OK, f"of {len(mine)} topics on this cluster, ids unchanged")


def _record_clock(broker: Broker | Check) -> Check:
    """Kafka tells its time to nobody; what it can show is a record from the future."""
    if not isinstance(broker, Broker):
        return Check("record clock", State.SKIPPED, "needs the broker")
    if not broker.newest_record_times:
        return Check("record clock", State.SKIPPED, "there is no record yet to tell the broker's or a producer's time")
    ahead = {name: at - broker.asked_at for name, at in broker.newest_record_times.items()}
    late = [f"{name} by {s:.1f} s" for name, s in ahead.items() if s > CLOCK_SKEW_MAX_S]
    if late:
        hint = "synchronise the clocks (NTP) of its producers, brokers and this host"
        return Check("record clock", State.PROBLEM, f"the newest record is from the future: {', '.join(late)}", hint)
    return Check("record clock", State.OK, "no record is from the future")
