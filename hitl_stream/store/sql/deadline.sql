-- name: evidence_overdue
-- role: hitl_scheduler
-- Rounds that have collected long enough. The time is given: a clock in the condition would keep the index from being used.
SELECT patch_id FROM patch
 WHERE state = 'collecting' AND evidence_due_at <= $1
 ORDER BY evidence_due_at
 LIMIT $2::int;

-- name: reviews_overdue
-- role: hitl_scheduler
-- Reviews whose time limit has passed.
SELECT patch_id FROM patch
 WHERE state = 'pending' AND expires_at <= $1
 ORDER BY expires_at, patch_id
 LIMIT $2::int;

-- name: reviews_open_before
-- role: hitl_scheduler
-- Reviews that were open before a moment, in the order of locks.
SELECT patch_id FROM patch
 WHERE state = 'pending' AND opened_at < $1 AND patch_id > $2
 ORDER BY patch_id
 LIMIT $3::int;

-- name: extend_reviews
-- role: hitl_scheduler
-- A review gets back the part of the gap in which it was open, and the audit says so.
WITH extended AS (
  UPDATE patch
     SET expires_at = expires_at + ($3::timestamptz - greatest($2::timestamptz, opened_at))
   WHERE patch_id = ANY ($1::text[]) AND state = 'pending' AND opened_at < $3
  RETURNING patch_id, round, seq, patch_digest, evidence_digest, policy_version, opened_at, expires_at)
INSERT INTO action (
  at, actor, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version, justification, detail)
SELECT clock_timestamp(), 'policy', 'review_extended', patch_id, round, seq + 1, patch_digest, evidence_digest,
       policy_version, 'nobody could decide while no sidecar was there',
       json_build_object('from', greatest($2::timestamptz, opened_at), 'to', $3::timestamptz, 'expires_at', expires_at)
  FROM extended
 ORDER BY patch_id;

-- name: sidecars_seen
-- role: hitl_scheduler
-- Since when people could decide (the oldest start of a sidecar that is there now), and when one was there last.
SELECT min(started_at) AS since, max(seen_at) AS seen_at, clock_timestamp() AS now
  FROM process
 WHERE kind = 'sidecar' AND schema_revision >= '0002'  -- by one of 0.1.0 nobody can decide any more
   AND seen_at > clock_timestamp() - make_interval(secs => $1);
