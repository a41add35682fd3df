"""What one event leaves in the database: the columns that every contestant fills, in the order in which rows have them."""

from __future__ import annotations

COLUMNS: dict[str, tuple[str, ...]] = {
    "patch": (
        "patch_id", "apv_id", "cve_id", "home", "round", "state", "approved_by", "seq", "version", "patch_digest",
        "evidence_digest", "severity", "risk", "ml_confidence", "ml_prediction", "policy_version", "reasons", "received_at",
        "changed_at", "evidence_due_at", "opened_at", "expires_at", "detected_at", "synthetic", "sampled",
    ),
    "decision": (
        "patch_id", "seq", "round", "decision_id", "apv_id", "cve_id", "decision", "comment", "reasons", "policy_version",
        "patch_digest", "evidence_digest", "ml_confidence", "ml_prediction", "decided_at", "valid_until", "deployed",
        "synthetic",
    ),
    "review": (
        "patch_id", "round", "review_id", "opened_at", "source", "author", "package", "ecosystem", "language", "strategy",
        "cwe_ids", "summary",
    ),
    "action": (
        "at", "actor", "role", "token_id", "action", "patch_id", "round", "seq", "patch_digest", "evidence_digest",
        "policy_version", "justification", "request_id", "detail",
    ),
    "evidence": (
        "patch_id", "source", "event_id", "round", "topic", "partition", "record_offset", "patch_digest", "payload_sha256",
        "payload", "received_at", "traceparent",
    ),
    "event_seen": ("source", "event_id", "payload_sha256", "seen_at"),
}  # fmt: skip


def insert(table: str) -> str:
    """The INSERT of one row, for asyncpg. A record delivered twice changes nothing."""
    columns = COLUMNS[table]
    values = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) ON CONFLICT DO NOTHING"


INSERT = {table: insert(table) for table in COLUMNS}
SEEN = (
    "SELECT e.source, e.event_id FROM unnest($1::text[], $2::text[]) AS w (source, event_id) "
    "JOIN event_seen AS e ON e.source = w.source AND e.event_id = w.event_id"
)
