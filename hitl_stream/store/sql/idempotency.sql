-- name: find_answer
-- role: hitl_sidecar
-- Nobody else answers a request with this person's key until the transaction ends: not `held` while somebody does. What was answered to it.
SELECT held, request_sha256, status, etag, answer FROM find_answer($1, $2);

-- name: keep_answer
-- role: hitl_sidecar
-- In the transaction of what was done: either both are there afterwards or neither.
INSERT INTO idempotency (person, key, request_sha256, status, etag, answer) VALUES ($1, $2, $3, $4, $5, $6);
