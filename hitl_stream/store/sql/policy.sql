-- name: share_policy_lock
-- role: hitl_worker, hitl_scheduler
-- The number spells hitlplcy. Held to the end of the transaction: while it is held, no policy can be activated and no switch thrown.
SELECT pg_advisory_xact_lock_shared(7523672661590565753);

-- name: take_policy_lock
-- role: hitl_operator
-- Waits until every batch that could still approve the old way has ended, and holds off new ones.
SELECT pg_advisory_xact_lock(7523672661590565753);

-- name: policy_by_version
-- role: hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator
-- A policy document never changes once it is written.
SELECT document FROM policy_document WHERE version = $1;

-- name: now_and_policy
-- role: hitl_scheduler, hitl_sidecar, hitl_operator
-- The database's clock, the document that decides, and the switch.
SELECT clock_timestamp() AS now, s.active_version, s.auto_approve, d.document
  FROM policy_state AS s JOIN policy_document AS d ON d.version = s.active_version;

-- name: policy_versions
-- role: hitl_operator
-- Every document there ever was.
SELECT d.version, d.version = s.active_version AS active, d.note, d.proposed_by, d.proposed_at, d.document::text
  FROM policy_document AS d CROSS JOIN policy_state AS s
 ORDER BY d.version DESC;

-- name: propose_policy
-- role: hitl_operator
-- The next version; under the lock, so that two proposals cannot draw the same number.
INSERT INTO policy_document (version, document, note, proposed_by)
SELECT max(version) + 1, $1::jsonb, $2, $3 FROM policy_document
RETURNING version;

-- name: activate_policy
-- role: hitl_operator
-- From the commit on this version decides; returns the one before.
UPDATE policy_state AS s
   SET active_version = $1, changed_by = $2, changed_at = clock_timestamp()
  FROM policy_state AS before
RETURNING before.active_version;

-- name: switch_auto_approve
-- role: hitl_operator
-- The kill switch of all processes; returns what it was. It needs no document: it works whatever the policy is.
UPDATE policy_state AS s
   SET auto_approve = $1, changed_by = $2, changed_at = clock_timestamp()
  FROM policy_state AS before
RETURNING before.auto_approve, before.active_version;

-- name: auto_approve
-- role: hitl_operator
-- Whether the kill switch lets the policy approve.
SELECT auto_approve FROM policy_state;
