-- name: pending_page
-- role: hitl_sidecar
-- What waits for a person, the nearest time limit first. $1 and $2 are the last row of the page before.
SELECT p.patch_id, p.round, p.apv_id, p.cve_id, p.severity, p.risk, r.package, r.ecosystem, r.language, r.strategy,
       r.cwe_ids, p.ml_confidence, p.ml_prediction, p.reasons, p.opened_at, p.expires_at, p.version, p.synthetic
  FROM patch AS p LEFT JOIN review AS r ON r.patch_id = p.patch_id AND r.round = p.round
 WHERE p.state = 'pending' AND (p.expires_at, p.patch_id) > ($1::timestamptz, $2::text)
 ORDER BY p.expires_at, p.patch_id
 LIMIT $3::int;

-- name: pending_count
-- role: hitl_sidecar
-- How many wait, counted no further than $1.
SELECT count(*) FROM (SELECT FROM patch WHERE state = 'pending' LIMIT $1::int) AS waiting;

-- name: patch_detail
-- role: hitl_sidecar
-- The current round of one patch as it stands.
SELECT patch_id, apv_id, cve_id, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity, risk,
       ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, evidence_due_at, opened_at,
       expires_at, detected_at, synthetic
  FROM patch
 WHERE patch_id = $1;

-- name: patch_version
-- role: hitl_sidecar
-- Just enough to tell a person that the card is stale.
SELECT version, state FROM patch WHERE patch_id = $1;

-- name: patch_results
-- role: hitl_sidecar
-- The evidence of one round in the order of arrival; a payload is gone after its retention.
SELECT source, event_id, payload, received_at
  FROM evidence
 WHERE patch_id = $1 AND round = $2
 ORDER BY received_at, source, event_id
 LIMIT $3::int;

-- name: patch_history
-- role: hitl_sidecar
-- What was said and done, newest first.
SELECT at, actor, role, action, round, seq, patch_digest, evidence_digest, policy_version, justification
  FROM audit_entry
 WHERE patch_id = $1
 ORDER BY at DESC, seq DESC NULLS LAST, id DESC
 LIMIT $2::int;

-- name: patch_related
-- role: hitl_sidecar
-- Other patches that bear on this one: approved for the same apv_id, or rejected for it or for the same artefact.
SELECT patch_id, 'approved' AS state, patch_digest, changed_at AS at
  FROM patch
 WHERE apv_id = $2 AND state = 'approved' AND approved_by = 'policy' AND patch_id <> $1
UNION ALL
SELECT patch_id, 'approved', patch_digest, changed_at
  FROM patch
 WHERE apv_id = $2 AND state = 'approved' AND approved_by = 'human' AND patch_id <> $1
UNION ALL
(SELECT patch_id, 'rejected', patch_digest, decided_at
   FROM decision
  WHERE decision = 'rejected' AND apv_id = $2 AND patch_id <> $1
  LIMIT 50)
UNION ALL
(SELECT patch_id, 'rejected', patch_digest, decided_at
   FROM decision
  WHERE decision = 'rejected' AND patch_digest = $3 AND apv_id <> $2 AND patch_id <> $1
  LIMIT 50);

-- name: gate
-- role: hitl_sidecar
-- The one question everything is for.
SELECT deployable, reason, decision_id, decided_at, expires_at FROM gate($1, $2);

-- name: database_answers
-- role: hitl_sidecar
-- Whether the database answers.
SELECT 1;
