"""A CVE end to end: Oráculo, Eureka, wargame, policy or person, gate, deployment, outcome; the audit says what they saw."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.publisher import Outgoing, Publisher
from hitl_stream.embedded import sample
from hitl_stream.embedded.happening import Happening
from hitl_stream.embedded.neighbour.eureka import Eureka
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.neighbour.wargame import Wargame
from hitl_stream.embedded.stage import Stage
from hitl_stream.embedded.storyteller import Storyteller
from hitl_stream.embedded.watcher import Watcher
from tests.harness import wait

WAIT_S = 30.0


class Remembering(Publisher):
    """Keeps what it published, by topic."""

    def __init__(self, connection: KafkaConnection) -> None:
        super().__init__(connection)
        self.published: list[tuple[str, Outgoing]] = []

    def publish(self, topic: str, records: Iterable[Outgoing]) -> int:
        kept = list(records)
        self.published += [(topic, record) for record in kept]
        return super().publish(topic, kept)


class Asking(Sidecar):
    """Keeps what the gate said and what was decided."""

    def __init__(self, url: str) -> None:
        super().__init__(url, name="alice")
        self.gates: list[dict[str, Any]] = []
        self.decided: list[dict[str, Any]] = []

    def gate(self, patch_id: str, digest: str) -> dict[str, Any]:
        said = super().gate(patch_id, digest)
        self.gates.append(said)
        return said

    def decide(self, patch_id: str, action: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        said = super().decide(patch_id, action, version, body)
        self.decided.append(said)
        return said


@dataclass
class Neighbours:
    teller: Storyteller
    publisher: Remembering
    sidecar: Asking
    happening: Happening
    stage: Stage
    told: list[tuple[str, str, str]] = field(default_factory=list)

    def copy(self, patch_id: str) -> list[dict[str, Any]]:
        """Eureka's copy of the decisions of a patch."""
        lines = [orjson.loads(line) for line in self.stage.copy.read_bytes().splitlines()]
        return [line for line in lines if line["patch_id"] == patch_id]

    def records(self, topic: str, patch_id: str) -> list[Outgoing]:
        return [record for name, record in self.publisher.published if (name, record.key) == (topic, patch_id.encode())]


@pytest.fixture
def neighbours(stage: Stage, connection: KafkaConnection) -> Iterator[Neighbours]:
    happening, stop, told = Happening(), Flag(), list[tuple[str, str, str]]()

    def tell(what: str, patch_id: str, more: str) -> None:
        told.append((what, patch_id, more))
        happening.note(what, patch_id)

    publisher, sidecar = Remembering(connection), Asking(stage.http_url)
    stamp = f"e2e-{uuid4()}"
    wargame = Wargame(publisher, "wargaming.results", stamp, 1)
    teller = Storyteller(stamp, wargame, [sidecar], happening, tell)
    eureka = Eureka(stage.copy, sidecar, publisher, "eureka.outcomes", tell)
    watcher = Watcher(connection, stage.topics, tell)
    threads = [Thread(target=work, args=(stop,)) for work in (eureka.run, watcher.run)]
    for thread in threads:
        thread.start()
    yield Neighbours(teller, publisher, sidecar, happening, stage, told)
    stop.set()
    for thread in threads:
        thread.join()


def ask(stage: Stage, query: str, *arguments: Any) -> list[dict[str, Any]]:
    async def fetch() -> list[dict[str, Any]]:
        conn = await asyncpg.connect(stage.database_url)
        try:
            return [dict(row) for row in await conn.fetch(query, *arguments)]
        finally:
            await conn.close()

    return asyncio.run(fetch())


def evidence_digest(records: list[Outgoing]) -> str:
    """As the contract words it, from what the wargame published in binary mode."""
    lines = []
    for record in records:
        source, event_id = record.headers["ce_source"].decode(), record.headers["ce_id"].decode()
        lines.append(f"{source} {event_id} {sha256(record.value or b'').hexdigest()}")
    return f"sha256:{sha256(chr(10).join(sorted(lines)).encode()).hexdigest()}"


def test_a_cve_goes_the_whole_way_by_policy_and_by_a_person(neighbours: Neighbours) -> None:
    stage = neighbours.stage
    by_name = {entry.name: entry for entry in sample.story()}
    for name, actions, actor, mode in (
        ("automatic", ["approved"], "policy", "policy"),
        ("person_approves", ["review_opened", "approved"], "alice", "human"),
    ):
        patch = neighbours.teller.tell(by_name[name])
        assert neighbours.happening.wait("deployed", patch.patch_id, WAIT_S), neighbours.told
        results = neighbours.records("wargaming.results", patch.patch_id)
        digest = f"sha256:{sha256(patch.content['diff'].encode()).hexdigest()}"

        # What Eureka saw: one decision, a yes of the gate to exactly this artefact, and what it reported.
        (decision,) = neighbours.copy(patch.patch_id)
        assert (decision["decision"], decision["mode"], decision["decided_by"]) == ("approved", mode, actor)
        assert (decision["patch_digest"], decision["seq"], decision["synthetic"]) == (digest, 1, False)
        assert decision["evidence_digest"] == evidence_digest(results)
        (gate,) = [said for said in neighbours.sidecar.gates if said["patch_id"] == patch.patch_id]
        assert (gate["deployable"], gate["decision_id"]) == (True, decision["decision_id"])
        assert (gate["decided_at"], gate["expires_at"]) == (decision["decided_at"], decision["valid_until"])
        (report,) = neighbours.records("eureka.outcomes", patch.patch_id)

        # What the person saw and said.
        decided = [said["decision_id"] for said in neighbours.sidecar.decided if said["patch_id"] == patch.patch_id]
        assert decided == ([decision["decision_id"]] if mode == "human" else [])

        # What the record says: the same, with the evidence that the wargame published and the outcome that Eureka did.
        (row,) = ask(stage, "SELECT * FROM hitl_decisions WHERE patch_id = $1", patch.patch_id)
        audit = orjson.loads(row["audit_log"])
        assert [entry["action"] for entry in audit] == actions
        assert (row["decision"], row["decided_by"], audit[-1]["actor"]) == ("approved", actor, actor)
        assert audit[-1]["detail"]["decision_id"] == decision["decision_id"]
        assert (audit[-1]["patch_digest"], audit[-1]["evidence_digest"]) == (digest, decision["evidence_digest"])
        assert audit[-1]["policy_version"] == decision["policy_version"]
        evidence = ask(stage, "SELECT event_id, payload_sha256 FROM evidence WHERE patch_id = $1", patch.patch_id)
        assert {(e["event_id"], e["payload_sha256"]) for e in evidence} == {
            (r.headers["ce_id"].decode(), sha256(r.value or b"").digest()) for r in results
        }
        (outcome,) = until_reported(stage, patch.patch_id)
        assert (outcome["event_id"], outcome["outcome"]) == (report.headers["ce_id"].decode(), "deployed")
        assert (outcome["decision_id"], outcome["unapproved"]) == (decision["decision_id"], False)


def until_reported(stage: Stage, patch_id: str) -> list[dict[str, Any]]:
    query = "SELECT event_id, outcome, decision_id, unapproved FROM outcome WHERE patch_id = $1"
    wait.until(lambda: ask(stage, query, patch_id), WAIT_S)
    return ask(stage, query, patch_id)


def test_a_deployment_that_was_contradicted_is_rolled_back(neighbours: Neighbours) -> None:
    (entry,) = [entry for entry in sample.story() if entry.name == "contradicted"]
    patch = neighbours.teller.tell(entry)
    assert neighbours.happening.wait("rolled_back", patch.patch_id, WAIT_S), neighbours.told
    approved, revoked = neighbours.copy(patch.patch_id)
    assert (approved["decision"], revoked["decision"], revoked["seq"]) == ("approved", "revoked", 2)
    assert neighbours.sidecar.gate(patch.patch_id, revoked["patch_digest"])["deployable"] is False


def test_a_patch_id_of_any_text_goes_the_whole_way(neighbours: Neighbours) -> None:
    (entry,) = [entry for entry in sample.story() if entry.name == "opaque_id"]
    patch = neighbours.teller.tell(entry)
    assert "/" in patch.patch_id
    assert neighbours.happening.wait("deployed", patch.patch_id, WAIT_S), neighbours.told


def test_a_patch_that_a_person_rejects_is_never_deployed(neighbours: Neighbours) -> None:
    (entry,) = [entry for entry in sample.story() if entry.name == "person_rejects"]
    patch = neighbours.teller.tell(entry)
    assert neighbours.happening.wait("rejected", patch.patch_id, WAIT_S), neighbours.told
    wait.until(lambda: neighbours.copy(patch.patch_id), WAIT_S)
    (decision,) = neighbours.copy(patch.patch_id)
    assert (decision["decision"], decision["reject_reasons"]) == ("rejected", ["incomplete_fix"])
    assert neighbours.sidecar.gate(patch.patch_id, decision["patch_digest"])["reason"] == "rejected"
    assert neighbours.records("eureka.outcomes", patch.patch_id) == []
