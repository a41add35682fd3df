-- name: lock_patch_for_person
-- role: hitl_sidecar
-- The same lock that batches take; one patch at a time, so order is no matter.
SELECT patch_id, apv_id, cve_id, home, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity,
       risk, ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, evidence_due_at, opened_at,
       expires_at, detected_at, synthetic, sampled, id
  FROM patch
 WHERE patch_id = $1
   FOR UPDATE;

-- name: close_by_person
-- role: hitl_sidecar
-- Conditional on the version that was on the screen, whatever the program above believes.
UPDATE patch
   SET state = $3, approved_by = $4, seq = $5, version = $6, changed_at = $7
 WHERE patch_id = $1 AND version = $2 AND state = 'pending';

-- name: insert_human_decision
-- role: hitl_sidecar
-- What a person said.
INSERT INTO decision (
  patch_id, seq, round, decision_id, apv_id, cve_id, decision, mode, decided_by, approvers, comment, reasons,
  reject_reasons, policy_version, patch_digest, evidence_digest, ml_confidence, ml_prediction, decided_at, valid_until,
  synthetic, role, request_id
) VALUES ($1, $2, $3, $4, $5, $6, $7, 'human', $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22);

-- name: write_outbox_for_person
-- role: hitl_sidecar
-- The message about a person's decision goes the same way as every other.
INSERT INTO outbox (shard, messages) VALUES ($1, $2);
