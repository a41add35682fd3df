-- name: retire_evidence
-- role: hitl_scheduler
-- The function belongs to the schema's owner; this role may call it and nothing else.
SELECT retire_evidence_payloads($1::interval, $2::int);

-- name: forget_seen
-- role: hitl_scheduler
-- The function belongs to the schema's owner; this role may call it and nothing else.
SELECT forget_seen_events($1::interval, $2::int);

-- name: forget_patches
-- role: hitl_scheduler
-- The function belongs to the schema's owner; this role may call it and nothing else.
SELECT forget_old_patches($1::interval, $2::int);

-- name: forget_answers
-- role: hitl_scheduler
-- The function belongs to the schema's owner; this role may call it and nothing else.
SELECT forget_answers($1::interval, $2::int);
