"""`doctor` names what is wrong, says what to do, and ends in time whatever is away."""

from __future__ import annotations

import asyncio
import json
import time

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from hitl_stream.commands import doctor
from hitl_stream.commands.doctor import State
from hitl_stream.store import diagnosis, outbox
from tests.harness.postgres import PostgresServer

NOWHERE = "127.0.0.1:1"
Report = dict[str, doctor.Check]


@pytest.fixture
def whole(database: str, mock_kafka: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database and a broker with the declared topics, in the environment."""
    monkeypatch.setenv("HITL_DATABASE_URL", database)
    monkeypatch.setenv("HITL_KAFKA_BOOTSTRAP_SERVERS", mock_kafka)
    return database


async def report() -> Report:
    return {check.name: check for check in await doctor.examine()}


def problems(found: Report) -> set[str]:
    assert all(check.hint for check in found.values() if check.state is State.PROBLEM), "a problem without a hint"
    return {name for name, check in found.items() if check.state is State.PROBLEM}


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def execute(url: str, *statements: str) -> None:
    conn = await asyncpg.connect(url)
    for statement in statements:
        await conn.execute(statement)
    await conn.close()


async def test_a_sound_system_has_no_problem(whole: str) -> None:
    found = await report()
    assert problems(found) == set()
    assert [name for name, check in found.items() if check.state is State.SKIPPED] == ["record clock", "issuer"]
    assert found["database"].detail.startswith("Postgres 1")


@pytest.mark.parametrize(
    ("document", "state", "words"),
    [
        ('{"keys": [{"kty": "EC", "kid": "a", "crv": "P-256", "x": "%s", "y": "%s"}]}', State.OK, "1 keys"),
        ('{"keys": []}', State.PROBLEM, "no key"),
        ("nonsense", State.PROBLEM, "cannot be read"),
        (None, State.PROBLEM, "does not answer"),
    ],
)
async def test_who_vouches_for_people_is_asked_for_keys(
    whole: str, monkeypatch: pytest.MonkeyPatch, document: str | None, state: State, words: str
) -> None:
    x, y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"  # RFC 7515

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = (document or "").replace("%s", x, 1).replace("%s", y, 1).encode()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as serving:
        port = serving.sockets[0].getsockname()[1] if document is not None else 1
        monkeypatch.setenv("HITL_AUTH_ISSUER", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("HITL_AUTH_AUDIENCE", "hitl-stream")
        monkeypatch.setenv("HITL_AUTH_JWKS_URL", f"http://127.0.0.1:{port}/keys")
        found = await report()
    assert found["issuer"].state is state
    assert words in found["issuer"].detail
    assert problems(found) == (set() if state is State.OK else {"issuer"})


@pytest.mark.parametrize("server", ["database", "broker"])
async def test_what_is_away_is_named_and_the_rest_is_still_looked_at(
    whole: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server == "database":
        monkeypatch.setenv("HITL_DATABASE_URL", f"postgresql://postgres@{NOWHERE}/x")
    else:
        monkeypatch.setenv("HITL_KAFKA_BOOTSTRAP_SERVERS", NOWHERE)
        monkeypatch.setattr("hitl_stream.broker.admin.TIMEOUT_S", 0.5)
    found = await report()
    assert problems(found) == {server}
    assert found["positions"].state is State.SKIPPED
    assert found["broker" if server == "database" else "migrations"].state is State.OK


async def test_a_server_that_accepts_and_says_nothing_does_not_hold_it_up(
    whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "COMMAND_TIMEOUT_S", 0.3)
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    monkeypatch.setenv("HITL_DATABASE_URL", f"postgresql://postgres@127.0.0.1:{port}/x")
    async with asyncio.timeout(10):
        assert problems(await report()) == {"database"}
    silent.close()


async def test_a_spelling_mistake_in_the_environment_is_found(whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATABSE_URL", "x")
    found = await report()
    assert problems(found) == {"configuration"}
    assert "HITL_DATABSE_URL" in found["configuration"].detail


async def test_an_empty_database_wants_migrations(
    postgres: PostgresServer, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_DATABASE_URL", postgres.url("postgres"))
    found = await report()
    assert problems(found) == {"migrations"}
    assert "migrate up" in found["migrations"].hint


async def test_roles_that_cannot_be_taken_on_are_named(whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await execute(
        whole, "CREATE ROLE stranger LOGIN PASSWORD 'x'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO stranger"
    )
    monkeypatch.setenv("HITL_DATABASE_URL", whole.replace(whole.split("//")[1].split("@", maxsplit=1)[0], "stranger:x"))
    found = await report()
    assert problems(found) == {"roles"}
    assert "hitl_worker" in found["roles"].detail
    await execute(whole, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM stranger", "DROP ROLE stranger")


async def test_a_login_whose_locks_nobody_could_take_is_named(whole: str) -> None:
    await execute(whole, "CREATE ROLE app LOGIN PASSWORD 'x'", "CREATE ROLE weak")
    there = await asyncpg.connect(whole, user="app", password="x", server_settings={"application_name": "hitl-worker"})
    try:
        assert problems(await report()) == set()
        await execute(whole, "ALTER FUNCTION end_silent_sessions() OWNER TO weak")
        found = await report()
        assert problems(found) == {"frozen locks"}
        assert "sessions of app:" in found["frozen locks"].detail
        await execute(whole, "GRANT pg_signal_backend TO weak")
        assert problems(await report()) == {"frozen locks"}, "it does not see which are silent"
        await execute(whole, "GRANT pg_read_all_stats TO weak")
        assert problems(await report()) == set()
        await execute(whole, "REVOKE pg_signal_backend, pg_read_all_stats FROM weak", "GRANT app TO weak")
        assert problems(await report()) == set()
    finally:
        await there.close()
        await execute(whole, "DROP OWNED BY weak CASCADE", "DROP ROLE weak, app")


async def test_a_read_only_database_and_an_old_message_are_problems(whole: str) -> None:
    name = whole.rpartition("/")[2]
    await execute(
        whole,
        "INSERT INTO outbox (shard, messages, created_at) VALUES (0, '{t,k,v,h}', now() - interval '2 min')",
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
    )
    assert problems(await report()) == {"database", "outbox"}


async def test_dead_letters_that_wait_are_a_problem_of_their_own(whole: str) -> None:
    row = "INSERT INTO outbox (shard, messages, created_at) VALUES ({shard}, '{{t,k,v,h}}', now() - interval '{age}')"
    letter = outbox.letter_shard(1)
    await execute(whole, row.format(shard=3, age="5 s"), row.format(shard=letter, age="2 min"))
    found = await report()
    assert problems(found) == {"dead letters"}
    assert "topics verify" in found["dead letters"].hint
    assert found["outbox"].detail.startswith("the oldest message has waited for 5.")
    await execute(whole, "UPDATE outbox SET created_at = now() - interval '1 h' WHERE shard = 3")
    assert problems(await report()) == {"outbox", "dead letters"}


async def test_missing_topics_and_recreated_ones_are_problems(
    whole: str, monkeypatch: pytest.MonkeyPatch, mock_kafka: str
) -> None:
    monkeypatch.setattr("hitl_stream.broker.admin.partition_counts", lambda *_: {"wargaming.results": 1})
    cluster = (await report())["broker"].detail.removeprefix("cluster ")
    monkeypatch.setattr("hitl_stream.broker.admin.topic_ids", lambda *_: {"wargaming.results": "new"})
    await execute(
        whole,
        "INSERT INTO consumer_position (cluster_id, topic, partition, next_offset, topic_id)"
        f" VALUES ('{cluster}', 'wargaming.results', 0, 5, 'old')",
    )
    found = await report()
    assert problems(found) == {"topics", "positions"}
    assert "recreated: wargaming.results" in found["positions"].detail


@pytest.mark.parametrize(("ahead_s", "expected"), [(0.1, set()), (-30.0, {"clock"}), (30.0, {"clock"})])
async def test_a_clock_that_differs_is_a_problem(
    whole: str, ahead_s: float, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "time", Clock(-ahead_s))
    assert problems(await report()) == expected


class Clock:
    """Time shifted by some seconds."""

    def __init__(self, shift_s: float) -> None:
        self.time = lambda: time.time() + shift_s
        self.monotonic = asyncio.get_running_loop().time


def test_a_record_from_the_future_is_a_problem() -> None:
    broker = doctor.Broker("c", {"t": None}, {"t": 1030.0}, (), asked_at=1000.0)
    late = doctor._record_clock(broker)
    assert (late.state, late.detail) == (State.PROBLEM, "the newest record is from the future: t by 30.0 s")


async def test_the_exit_code_and_the_json_say_whether_it_is_well(whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(doctor.run)

    def ran(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(words))
        return result.exit_code, result.output

    code, text = await asyncio.to_thread(ran, "--output", "json")
    assert (code, json.loads(text)["ok"]) == (0, True)
    monkeypatch.setenv("HITL_TYPO", "x")
    code, text = await asyncio.to_thread(ran)
    assert code == 1
    assert text.startswith("problem  configuration")
