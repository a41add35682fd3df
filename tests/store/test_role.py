"""What each role may do, to the column, and that the guards hold for the owner too. A right more or less fails here."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import pytest

ROLES = ("hitl_worker", "hitl_scheduler", "hitl_sidecar", "hitl_operator")

PATCH_CHANGE = {
    *("id", "cve_id", "round", "state", "approved_by", "seq", "version", "patch_digest", "evidence_digest", "severity"),
    *("risk", "ml_confidence", "ml_prediction", "policy_version", "reasons", "changed_at", "evidence_due_at"),
    *("opened_at", "expires_at", "detected_at", "synthetic", "sampled"),
}
REVIEW_KEY = {"patch_id", "round", "source", "author"}
REVIEW_CHANGE = {"review_id", "opened_at", "package", "ecosystem", "language", "strategy", "cwe_ids", "summary"}
DECISION_BY_POLICY = {
    *(
        "patch_id",
        "seq",
        "round",
        "decision_id",
        "apv_id",
        "cve_id",
        "decision",
        "comment",
        "reasons",
        "policy_version",
    ),
    *("patch_digest", "evidence_digest", "ml_confidence", "ml_prediction", "decided_at", "valid_until", "deployed"),
    "synthetic",
}
ACTION = {
    *("at", "actor", "role", "token_id", "action", "patch_id", "round", "seq", "patch_digest", "evidence_digest"),
    *("policy_version", "justification", "request_id", "detail"),
}
POSITION = {"cluster_id", "topic", "partition", "next_offset", "topic_id"}
POSITION_CHANGE = {"next_offset", "epoch", "owner", "topic_id", "moved_at"}
DEAD_LETTER = {
    *(
        "cluster_id",
        "topic",
        "partition",
        "record_offset",
        "record_key",
        "record_value",
        "headers",
        "error",
        "reason",
        "at",
    ),
}
PROCESS = {"process_id", "kind", "schema_revision", "host"}
ALL = {"*"}
RETENTION = {
    *("retire_evidence_payloads", "forget_seen_events", "forget_old_patches", "forget_answers", "forget_changes"),
    "add_up_tallies",
}
SESSIONS = {"end_silent_sessions"}
# Triggers call them, nobody else.
COUNTERS = {
    *("count_new_patches", "count_changed_patches", "count_gone_patches", "follow_reviews", "follow_patches"),
    *("follow_evidence", "count_decisions", "count_reviews", "forget_other_apvs"),
    *("tell_of_new_reviews", "tell_of_changed_reviews", "tell_of_decisions", "tell_of_claims"),
}
PEOPLE = {
    *("lock_patch", "cast_vote", "conclude_approval", "reject_by_person", "revoke_by_person", "reopen_by_person"),
    *("claim_by_person", "release_by_person", "comment_by_person", "renew_claim", "find_answer"),
}

# Beside SELECT, which every role has on everything.
WRITES: Mapping[str, Mapping[tuple[str, str], set[str]]] = {
    "hitl_worker": {
        ("process", "INSERT"): PROCESS,
        ("process", "UPDATE"): {"seen_at"},
        ("consumer_position", "INSERT"): POSITION,
        ("consumer_position", "UPDATE"): POSITION_CHANGE,
        ("outbox_shard", "INSERT"): {"shard", "epoch", "owner"},
        ("outbox_shard", "UPDATE"): {"epoch", "owner", "claimed_at"},
        ("outbox", "INSERT"): {"shard", "messages"},
        ("outbox", "DELETE"): ALL,
        ("patch", "INSERT"): ALL,
        ("patch", "UPDATE"): PATCH_CHANGE,
        ("round_closed", "INSERT"): ALL,
        ("evidence", "INSERT"): ALL,
        ("outcome", "INSERT"): ALL,
        ("event_seen", "INSERT"): ALL,
        ("other_apv", "INSERT"): ALL,
        ("dead_letter", "INSERT"): DEAD_LETTER,
        ("review", "INSERT"): REVIEW_KEY | REVIEW_CHANGE,
        ("review", "UPDATE"): REVIEW_CHANGE,
        ("decision", "INSERT"): DECISION_BY_POLICY,
        ("action", "INSERT"): ACTION,
    },
    "hitl_scheduler": {
        ("process", "INSERT"): PROCESS,
        ("process", "UPDATE"): {"seen_at"},
        ("process", "DELETE"): ALL,
        ("patch", "UPDATE"): PATCH_CHANGE,
        ("review", "INSERT"): REVIEW_KEY | REVIEW_CHANGE,
        ("review", "UPDATE"): REVIEW_CHANGE,
        ("decision", "INSERT"): DECISION_BY_POLICY,
        ("action", "INSERT"): ACTION,
        ("outbox", "INSERT"): {"shard", "messages"},
        ("duty_lease", "UPDATE"): ALL,
        ("duty_run", "INSERT"): ALL,
        ("duty_run", "UPDATE"): ALL,
    },
    "hitl_sidecar": {
        ("process", "INSERT"): PROCESS,
        ("process", "UPDATE"): {"seen_at"},
        ("idempotency", "INSERT"): ALL,
        ("live_ticket", "INSERT"): ALL,
        ("live_ticket", "DELETE"): ALL,
        ("feedback", "INSERT"): {"person", "text", "page", "build"},
        ("person", "INSERT"): ALL,
        ("person", "UPDATE"): ALL,
        ("look", "INSERT"): {
            *("patch_id", "person", "version", "round", "seq", "evidence_digest", "token_id", "request_id"),
        },
    },
    "hitl_operator": {
        ("access_group_role", "INSERT"): ALL,
        ("access_group_role", "DELETE"): ALL,
        ("author", "INSERT"): ALL,
        ("author", "UPDATE"): ALL,
        ("author", "DELETE"): ALL,
        ("approval_rule", "UPDATE"): {"needed"},
        ("policy_document", "INSERT"): ALL,
        ("policy_state", "UPDATE"): {"active_version", "auto_approve", "changed_by", "changed_at"},
        ("dead_letter", "UPDATE"): {"state", "settled_by", "settled_at", "note"},
        ("consumer_position", "INSERT"): POSITION,
        ("consumer_position", "UPDATE"): POSITION_CHANGE,
        ("action", "INSERT"): ACTION,
        ("person", "DELETE"): ALL,
    },
}

_RIGHTS = """
SELECT c.relname, p.privilege,
       CASE WHEN has_table_privilege($1, c.oid, p.privilege) THEN ARRAY['*'] ELSE
         ARRAY(SELECT a.attname::text FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND p.by_column
                  AND CASE WHEN p.by_column THEN has_column_privilege($1, c.oid, a.attnum, p.privilege) END) END AS columns
  FROM pg_class c
 CROSS JOIN (VALUES ('SELECT', true), ('INSERT', true), ('UPDATE', true), ('REFERENCES', true),
                    ('DELETE', false), ('TRUNCATE', false), ('TRIGGER', false)) AS p (privilege, by_column)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
"""


async def refused(conn: asyncpg.Connection, role: str, sql: str, *arguments: object) -> None:
    """The statement is refused for want of a right, and changes nothing."""
    attempt = conn.transaction()
    await attempt.start()
    await conn.execute(f"SET LOCAL ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute(sql, *arguments)
    await attempt.rollback()


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_has_exactly_its_rights(owner: asyncpg.Connection, role: str) -> None:
    found = {(row["relname"], row["privilege"]): set(row["columns"]) for row in await owner.fetch(_RIGHTS, role)}
    relations = {relation for relation, _ in found}
    unread = {"feedback"} if role == "hitl_sidecar" else {"idempotency", "live_ticket"}  # what was answered to others
    unread |= {"feedback", "person"} if role in ("hitl_worker", "hitl_scheduler") else set()
    assert {relation for relation in relations if found.pop((relation, "SELECT")) != ALL} == unread
    assert {right: columns for right, columns in found.items() if columns} == WRITES[role]


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_owns_nothing_makes_nothing_and_is_nobody_else(owner: asyncpg.Connection, role: str) -> None:
    row = await owner.fetchrow(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls, rolreplication"
        "  FROM pg_roles WHERE rolname = $1",
        role,
    )
    assert row is not None
    assert not any(row.values())
    assert not await owner.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role)
    assert await owner.fetchval("SELECT count(*) FROM pg_class WHERE relowner = $1::regrole", role) == 0
    others = [other for other in ROLES if other != role]
    assert not any([await owner.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", role, other) for other in others])


@pytest.mark.parametrize("role", ROLES)
async def test_a_function_with_the_rights_of_the_owner_has_its_users_and_no_other(
    owner: asyncpg.Connection, role: str
) -> None:
    functions = await owner.fetch(
        "SELECT proname, has_function_privilege($1, oid, 'EXECUTE') AS may FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prosecdef",
        role,
    )
    assert {row["proname"] for row in functions} == {*RETENTION, *PEOPLE, *COUNTERS, *SESSIONS}
    allowed = {"hitl_scheduler": RETENTION, "hitl_sidecar": PEOPLE}.get(role, set())
    assert {row["proname"] for row in functions if row["may"]} == allowed | SESSIONS


@pytest.mark.parametrize("role", ROLES)
async def test_the_parts_of_a_decision_are_nobodys(owner: asyncpg.Connection, role: str) -> None:
    for function in ("conclude", "admit", "note", "refuse", "must_be_now", "must_say_why", "admit_without_version"):
        found = await owner.fetch(
            "SELECT has_function_privilege($1, oid, 'EXECUTE') AS may FROM pg_proc WHERE proname = $2", role, function
        )
        assert [row["may"] for row in found] == [False], function


@pytest.mark.parametrize("role", ["hitl_worker", "hitl_scheduler"])
@pytest.mark.parametrize(
    ("column", "value"), [("mode", "'human'"), ("mode", "'policy'"), ("decided_by", "'ann'"), ("approvers", "'{ann}'")]
)
async def test_who_decided_cannot_be_named(owner: asyncpg.Connection, role: str, column: str, value: str) -> None:
    given = DECISION | {column: value}
    await refused(owner, role, f"INSERT INTO decision ({', '.join(given)}) VALUES ({', '.join(given.values())})")


async def test_who_decided_cannot_be_named_through_copy_either(owner: asyncpg.Connection) -> None:
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE hitl_worker")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with owner.transaction():
                await owner.copy_records_to_table(
                    "decision", records=[("p", 1, "human")], columns=["patch_id", "seq", "mode"]
                )


async def test_a_worker_says_policy_by_saying_nothing(owner: asyncpg.Connection) -> None:
    await owner.execute("SET LOCAL ROLE hitl_worker")
    await owner.execute(f"INSERT INTO decision ({', '.join(DECISION)}) VALUES ({', '.join(DECISION.values())})")
    said = await owner.fetchrow("SELECT mode, decided_by, approvers FROM decision")
    assert said is not None
    assert tuple(said) == ("policy", "policy", [])


@pytest.mark.parametrize("role", [*ROLES, "postgres"])
@pytest.mark.parametrize(
    "table", ["decision", "action", "evidence", "outcome", "event_seen", "round_closed", "policy_document", "vote"]
)
async def test_what_is_recorded_is_never_changed_by_anybody(owner: asyncpg.Connection, role: str, table: str) -> None:
    column = await owner.fetchval(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attidentity = '' LIMIT 1",
        table,
    )
    await refused(owner, role, f"UPDATE {table} SET {column} = {column}")
    await refused(owner, role, f"DELETE FROM {table}")
    await refused(owner, role, f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("role", [*ROLES, "postgres"])
@pytest.mark.parametrize("table", ["patch", "review", "dead_letter", "consumer_position"])
async def test_what_changes_is_never_taken_away_by_anybody(owner: asyncpg.Connection, role: str, table: str) -> None:
    await refused(owner, role, f"DELETE FROM {table}")
    await refused(owner, role, f"TRUNCATE {table}")


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        ("hitl_sidecar", "DELETE FROM outbox"),
        ("hitl_sidecar", "UPDATE consumer_position SET next_offset = 0"),
        ("hitl_sidecar", "UPDATE patch SET patch_digest = sha256('other')"),
        ("hitl_sidecar", "UPDATE patch SET evidence_digest = sha256('other')"),
        ("hitl_sidecar", "UPDATE policy_state SET auto_approve = true"),
        ("hitl_scheduler", "UPDATE consumer_position SET next_offset = 0"),
        ("hitl_scheduler", "UPDATE policy_state SET auto_approve = true"),
        ("hitl_worker", "UPDATE policy_state SET auto_approve = true"),
        ("hitl_worker", "UPDATE patch SET home = 1"),
        ("hitl_worker", "UPDATE patch SET apv_id = 'other'"),
        ("hitl_worker", "SELECT retire_evidence_payloads('1 year', 1)"),
        ("hitl_operator", "UPDATE patch SET state = 'approved'"),
        ("hitl_operator", "INSERT INTO outbox (shard, messages) VALUES (0, '{a,b,c,d}')"),
        ("hitl_operator", "UPDATE dead_letter SET record_value = 'other'"),
    ],
)
async def test_what_a_role_must_not_do(owner: asyncpg.Connection, role: str, sql: str) -> None:
    await refused(owner, role, sql)


DECISION = {
    "patch_id": "'p'",
    "seq": "1",
    "round": "1",
    "decision_id": "gen_random_uuid()",
    "apv_id": "'a'",
    "decision": "'approved'",
    "reasons": "'[]'",
    "policy_version": "1",
    "patch_digest": "sha256('d')",
    "evidence_digest": "sha256('e')",
    "decided_at": "now()",
    "valid_until": "now() + interval '1 day'",
    "synthetic": "false",
}
