"""Answers that never arrive: whoever asks again with the same Idempotency-Key gets what was answered, and it happened once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitl_stream.embedded.postgres import free_port
from hitl_stream.sidecar import app
from hitl_stream.store import database as databases
from hitl_stream.store.database import Database
from tests.harness import wait
from tests.harness.availability import scaled
from tests.sidecar.conftest import ISSUER, bearer
from tests.sidecar.race import Race, status_and_type

CROWD = 20
IN_FLIGHT = (409, "idempotency-key-in-flight")
# Each changes something that would be there twice if it were done twice.
ACTIONS: dict[str, Any] = {
    "approve": {"comment": "fine"},
    "reject": {"reason": "no"},
    "comment": {"comment": "hm"},
    "claim": {},
    "takeover": {"reason": "mine"},
}


async def traces(race: Race, patch_id: str) -> int:
    """How often something was done to the patch: votes, decisions and actions of people."""
    query = """SELECT (SELECT count(*) FROM vote WHERE patch_id = $1 AND NOT EXISTS (SELECT FROM decision WHERE patch_id = $1))
                    + (SELECT count(*) FROM decision WHERE patch_id = $1)
                    + (SELECT count(*) FROM action WHERE patch_id = $1 AND actor <> 'policy')"""
    return int(await race.observer.fetchval(query, patch_id))


async def again(race: Race, action: str, patch_id: str, key: str = "k-1") -> httpx2.Response:
    """The answer to the same request, as soon as it is not being answered any more."""
    found: list[httpx2.Response] = []

    async def answered() -> bool:
        found[:] = [await race.post("alice", action, patch_id, ACTIONS[action], key=key)]
        return status_and_type(found[0]) != IN_FLIGHT

    await wait.until_async(answered)
    return found[0]


async def test_a_crowd_of_the_same_request_does_it_once(race: Race) -> None:
    for number, action in itertools.product(range(scaled(4, 100)), ACTIONS):
        patch_id = key = f"{action}-{number}"
        await race.scene.pending(patch_id)
        answers = await asyncio.gather(
            *(race.post("alice", action, patch_id, ACTIONS[action], key=key) for _ in range(CROWD))
        )
        done = [answer for answer in answers if answer.is_success]
        assert {status_and_type(answer) for answer in answers if not answer.is_success} <= {IN_FLIGHT}
        assert len([answer for answer in done if "idempotent-replayed" not in answer.headers]) == 1
        assert {answer.content for answer in done} == {(await again(race, action, patch_id, key)).content}
        assert await traces(race, patch_id) == 1
    await race.assert_settled()


async def test_a_crowd_of_the_same_batch_does_it_once(race: Race) -> None:
    names = [f"p-{n}" for n in range(10)]
    for name in names:
        await race.scene.pending(name, patch__diff=f"+{name}\n")
    body = {"action": "approve", "items": [{"patch_id": name, "version": '"1"'} for name in names]}
    headers = {**bearer("alice"), "Idempotency-Key": "k-1"}

    async def send() -> httpx2.Response:
        return await race.client.post("/hitl/patches/batch", headers=headers, json=body)

    answers = await asyncio.gather(*(send() for _ in range(CROWD)))
    assert {status_and_type(answer) for answer in answers} <= {(200, None), IN_FLIGHT}
    last = (await send()).json()
    assert [one["status"] for one in last["results"]] == [200] * len(names)
    assert all(answer.json() == last for answer in answers if answer.is_success)
    await race.assert_settled()


class Holding:
    """Keeps answers back until somebody lets them go."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self.made, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hold(message: Message) -> None:
            self.made.set()
            await self.go.wait()
            await send(message)

        await self._inner(scope, receive, hold)


@pytest.fixture
async def held(database: str) -> AsyncIterator[tuple[Holding, int]]:
    """A sidecar on a port, whose answers are held back."""
    reader = await Database.open(database, "hitl_sidecar", size=4, name="test-held")
    holding, port = Holding(app.create(reader, ISSUER)), free_port()
    server = uvicorn.Server(uvicorn.Config(holding, port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await wait.until_async(started)
    yield holding, port
    holding.go.set()
    server.should_exit = True
    await serving
    await reader.close()


@pytest.mark.parametrize("action", ACTIONS)
async def test_the_line_is_cut_after_the_commit_and_before_the_answer(
    race: Race, held: tuple[Holding, int], action: str
) -> None:
    holding, port = held
    await race.scene.pending()
    body = orjson.dumps(ACTIONS[action])
    _, line = await asyncio.open_connection("127.0.0.1", port)
    head = {**bearer("alice"), "Host": "127.0.0.1", "If-Match": '"1"', "Idempotency-Key": "k-1"}
    told = "".join(f"{name}: {value}\r\n" for name, value in {**head, "Content-Length": str(len(body))}.items())
    line.write(f"POST /hitl/patches/p-1/{action} HTTP/1.1\r\n{told}\r\n".encode() + body)
    await holding.made.wait()
    line.transport.abort()
    assert await traces(race, "p-1") == 1, "it was done, and nobody was told"
    holding.go.set()
    answer = await again(race, action, "p-1")
    assert (answer.is_success, answer.headers["idempotent-replayed"]) == (True, "true")
    assert await traces(race, "p-1") == 1
    if action in ("approve", "reject"):
        (decision,) = await race.decisions("p-1")
        assert answer.json()["decision"] == decision[0]
    await race.assert_settled()


async def test_whoever_asks_again_without_a_key_learns_that_it_was_them(race: Race) -> None:
    await race.scene.pending()
    assert (await race.post("alice", "approve", "p-1")).status_code == 200
    refused = await race.post("alice", "approve", "p-1", version=3)
    assert (status_and_type(refused), refused.json()["decided_by"]) == ((409, "not-pending"), "alice")
    assert await race.decisions("p-1") == [("approved", "alice")]


async def test_the_databases_answer_to_the_commit_is_lost(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = databases._commit

    async def unheard(conn: Any) -> None:
        await commit(conn)
        raise ConnectionResetError("the line broke while it committed")

    for action, said in ACTIONS.items():
        await race.scene.pending(action)
        with monkeypatch.context() as patched:
            patched.setattr(databases, "_commit", unheard)
            lost = await race.post("alice", action, action, said, key=action)
        assert status_and_type(lost) == (503, "unavailable"), "nobody knows whether it happened"
        answer = await again(race, action, action, action)
        assert (answer.is_success, answer.headers["idempotent-replayed"]) == (True, "true")
        assert await traces(race, action) == 1
    await race.assert_settled()


@dataclass
class Cut:
    """Ends a request while its `at`-th statement runs: as a stop of the sidecar does, or as a line to Postgres that breaks."""

    at: int
    breaks: bool
    task: asyncio.Task[httpx2.Response] | None = None
    count: int = 0

    def statement(self, conn: asyncpg.Connection) -> None:
        self.count += 1
        if self.count == self.at and self.breaks:
            conn.terminate()
        elif self.count == self.at and self.task is not None:
            self.task.cancel()


CUT: ContextVar[Cut | None] = ContextVar("cut", default=None)


@pytest.fixture
def cutting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever is to be cut count their statements."""
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        plain = getattr(asyncpg.Connection, name)

        async def counted(conn: asyncpg.Connection, *arguments: Any, _plain: Any = plain, **named: Any) -> Any:
            cut = CUT.get()
            if cut is not None:
                cut.statement(conn)
            return await _plain(conn, *arguments, **named)

        monkeypatch.setattr(asyncpg.Connection, name, counted)


@pytest.mark.usefixtures("cutting")
@pytest.mark.parametrize("breaks", [False, True], ids=["stopped", "line broken"])
async def test_a_request_that_ends_anywhere_on_its_way_is_done_once_when_it_is_repeated(
    race: Race, breaks: bool
) -> None:
    for action, said in ACTIONS.items():
        for at in itertools.count(1):
            cut = Cut(at, breaks)
            patch_id = key = f"{action}-{at}"
            await race.scene.pending(patch_id)
            CUT.set(cut)
            cut.task = asyncio.create_task(race.post("alice", action, patch_id, said, key=key))
            CUT.set(None)
            (ended,) = await asyncio.gather(cut.task, return_exceptions=True)
            if cut.count < at:
                break
            told = None if isinstance(ended, BaseException) else status_and_type(ended)
            assert told == ((503, "unavailable") if breaks else None)
            assert (await again(race, action, patch_id, key)).is_success
            assert await traces(race, patch_id) == 1
        assert at > 7, "BEGIN, roles, the kept answer, patch, what is done, its answer, COMMIT"
    await race.assert_settled()
