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
-- A review gets back the part of the gap in which it was open.
UPDATE patch
   SET expires_at = expires_at + ($3::timestamptz - greatest($2::timestamptz, opened_at))
 WHERE patch_id = ANY ($1::text[]) AND state = 'pending' AND opened_at < $3;

-- name: sidecars_seen
-- role: hitl_scheduler
-- Since when people could decide (the oldest start of a sidecar that is there now), and when one was there last.
SELECT min(started_at) AS since, max(seen_at) AS seen_at, clock_timestamp() AS now
  FROM process
 WHERE kind = 'sidecar' AND seen_at > clock_timestamp() - make_interval(secs => $1);
