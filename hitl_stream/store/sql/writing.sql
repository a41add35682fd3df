-- name: update_patch
-- role: hitl_worker, hitl_scheduler
-- The row of a patch that already existed, as a step left it.
UPDATE patch
   SET cve_id = $2, round = $3, state = $4, approved_by = $5, seq = $6, version = $7, patch_digest = $8,
       evidence_digest = $9, severity = $10, risk = $11, ml_confidence = $12, ml_prediction = $13, policy_version = $14,
       reasons = $15, changed_at = $16, evidence_due_at = $17, opened_at = $18, expires_at = $19, detected_at = $20,
       synthetic = $21, sampled = $22, id = CASE WHEN round = $3 THEN id ELSE nextval('round_id') END
 WHERE patch_id = $1;

-- name: write_review
-- role: hitl_worker, hitl_scheduler
-- A round that a person must look at; reopened by contradicting evidence it starts again.
INSERT INTO review (patch_id, round, review_id, opened_at, source, author, package, ecosystem, language, strategy, cwe_ids, summary)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (patch_id, round) DO UPDATE
   SET review_id = excluded.review_id, opened_at = excluded.opened_at, package = excluded.package,
       ecosystem = excluded.ecosystem, language = excluded.language, strategy = excluded.strategy,
       cwe_ids = excluded.cwe_ids, summary = excluded.summary;

-- name: write_outbox
-- role: hitl_worker, hitl_scheduler
-- Messages to publish; the id is drawn while every patch they speak of is locked.
INSERT INTO outbox (shard, messages) VALUES ($1, $2);

-- name: insert_patch
-- role: hitl_worker
-- A patch seen for the first time.
INSERT INTO patch (
  patch_id, apv_id, cve_id, home, round, state, approved_by, seq, version, patch_digest, evidence_digest,
  severity, risk, ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at,
  evidence_due_at, opened_at, expires_at, detected_at, synthetic, sampled
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
$25);

-- name: insert_event_seen
-- role: hitl_worker
-- The identity of an event, from now on a duplicate.
INSERT INTO event_seen (
  source, event_id, payload_sha256, seen_at
) VALUES ($1, $2, $3, $4);

-- name: insert_evidence
-- role: hitl_worker
-- A result that was applied, and the place it came from.
INSERT INTO evidence (
  patch_id, source, event_id, round, topic, partition, record_offset, patch_digest, payload_sha256, payload,
  received_at, traceparent
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: insert_outcome
-- role: hitl_worker
-- What Eureka reported.
INSERT INTO outcome (
  patch_id, source, event_id, topic, partition, record_offset, decision_id, patch_digest, outcome, detail,
  observed_at, received_at, unapproved, payload_sha256, payload, traceparent
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: insert_decision
-- role: hitl_worker, hitl_scheduler
-- What policy said; mode, decided_by and approvers are left to their defaults, which is all the worker may say.
INSERT INTO decision (
  patch_id, seq, round, decision_id, apv_id, cve_id, decision, comment, reasons, policy_version, patch_digest,
  evidence_digest, ml_confidence, ml_prediction, decided_at, valid_until, deployed, synthetic
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18);

-- name: insert_action
-- role: hitl_worker, hitl_scheduler
-- An audit entry beside the decisions.
INSERT INTO action (
  at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
  justification, request_id, detail
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: insert_dead_letter
-- role: hitl_worker
-- A record nobody could use, as it came.
INSERT INTO dead_letter (
  cluster_id, topic, partition, record_offset, record_key, record_value, headers, error, reason, at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: insert_round_closed
-- role: hitl_worker
-- A round that a newer artefact replaced; opened and replaced in one batch it has no id yet.
INSERT INTO round_closed (
  patch_id, round, id, apv_id, cve_id, state, seq, patch_digest, evidence_digest, severity, risk, ml_confidence,
  ml_prediction, policy_version, reasons, received_at, opened_at, synthetic, sampled, closed_at
) VALUES ($1, $2, coalesce($3, nextval('round_id')), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
$19, $20);
