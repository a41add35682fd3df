-- name: lock_patch_for_person
-- role: hitl_sidecar
-- The same lock that batches take; one patch at a time, so order is no matter. The function belongs to the schema's owner: this
-- role may change nothing of a patch, and so could not lock it. When it was locked is told by the only clock of decisions.
SELECT patch_id, apv_id, cve_id, home, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity,
       risk, ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, evidence_due_at, opened_at,
       expires_at, detected_at, synthetic, sampled, id, clock_timestamp() AS locked_at
  FROM lock_patch($1);

-- name: cast_vote
-- role: hitl_sidecar
-- One person's approval of what was seen; says whether it was the last one needed.
SELECT approvers, needed, complete, version, at FROM cast_vote($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: conclude_approval
-- role: hitl_sidecar
-- The decision that the votes lead to, its message with it.
SELECT conclude_approval($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: reject_by_person
-- role: hitl_sidecar
-- A rejection, its message with it.
SELECT reject_by_person($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: revoke_by_person
-- role: hitl_sidecar
-- The end of an approval, its message with it.
SELECT revoke_by_person($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: reopen_by_person
-- role: hitl_sidecar
-- An expired review waits again, its message with it.
SELECT reopen_by_person($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: claim_by_person
-- role: hitl_sidecar
-- Hold a review for a while, or take it over.
SELECT person, until FROM claim_by_person($1, $2, $3, $4, $5, $6, $7);

-- name: release_by_person
-- role: hitl_sidecar
-- Let it go.
SELECT release_by_person($1, $2, $3, $4, $5);

-- name: comment_by_person
-- role: hitl_sidecar
-- Say something; returns when.
SELECT comment_by_person($1, $2, $3, $4, $5, $6, $7);

-- name: deployed_as
-- role: hitl_sidecar
-- What was last reported of an artefact; who names only a decision means the artefact that it is about.
SELECT o.outcome
  FROM outcome AS o
  LEFT JOIN decision AS d
    ON o.patch_digest IS NULL AND d.patch_id = o.patch_id AND d.decision_id::text = o.decision_id
 WHERE o.patch_id = $1 AND coalesce(o.patch_digest, d.patch_digest) = $2
 ORDER BY o.received_at DESC, o.record_offset DESC
 LIMIT 1;
