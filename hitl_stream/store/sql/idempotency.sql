-- name: hold_key
-- role: hitl_sidecar
-- Nobody else answers a request with this person's key until the transaction ends; false while somebody does.
-- Two keys of 32 bits are another space than that of the policy lock; two that meet by chance wait for one another.
SELECT pg_try_advisory_xact_lock(hashtext($1::text), hashtext($2::text));

-- name: kept_answer
-- role: hitl_sidecar
-- What was answered to this person's key.
SELECT request_sha256, status, etag, answer FROM idempotency WHERE person = $1 AND key = $2;

-- name: keep_answer
-- role: hitl_sidecar
-- In the transaction of what was done: either both are there afterwards or neither.
INSERT INTO idempotency (person, key, request_sha256, status, etag, answer) VALUES ($1, $2, $3, $4, $5, $6);
