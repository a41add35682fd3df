-- name: update_patch
-- role: hitl_worker, hitl_scheduler
-- The row of a patch that already existed, as a step left it.
UPDATE patch
   SET cve_id = $2, round = $3, state = $4, approved_by = $5, seq = $6, version = $7, patch_digest = $8,
       evidence_digest = $9, severity = $10, risk = $11, ml_confidence = $12, ml_prediction = $13, policy_version = $14,
       reasons = $15, changed_at = $16, evidence_due_at = $17, opened_at = $18, expires_at = $19, detected_at = $20,
       synthetic = $21, sampled = $22, id = CASE WHEN round = $3 THEN id ELSE nextval('round_id') END
 WHERE patch_id = $1;

-- name: write_arrivals
-- role: hitl_worker
-- What came in with a small batch: lists of rows as JSON, in one round trip. Each table waits for the one before it, so that
-- keys are taken in the order of a large batch's COPYs: a filter that needs no row is looked at before the rows are.
WITH patches AS (
  INSERT INTO patch (
    patch_id, apv_id, cve_id, home, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity,
    risk, ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, evidence_due_at, opened_at,
    expires_at, detected_at, synthetic, sampled)
  SELECT
    patch_id, apv_id, cve_id, home, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity,
    risk, ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, evidence_due_at, opened_at,
    expires_at, detected_at, synthetic, sampled
    FROM json_populate_recordset(NULL::patch, $1::json)
  RETURNING 1),
evidences AS (
  INSERT INTO evidence (
    patch_id, source, event_id, round, topic, partition, record_offset, patch_digest, payload_sha256, payload,
    received_at, traceparent, author)
  SELECT
    patch_id, source, event_id, round, topic, partition, record_offset, patch_digest, payload_sha256, payload,
    received_at, traceparent, author
    FROM json_populate_recordset(NULL::evidence, $2::json)
    WHERE (SELECT count(*) FROM patches) >= 0
  RETURNING 1),
outcomes AS (
  INSERT INTO outcome (
    patch_id, source, event_id, topic, partition, record_offset, decision_id, patch_digest, outcome, detail,
    observed_at, received_at, unapproved, payload_sha256, payload, traceparent)
  SELECT
    patch_id, source, event_id, topic, partition, record_offset, decision_id, patch_digest, outcome, detail,
    observed_at, received_at, unapproved, payload_sha256, payload, traceparent
    FROM json_populate_recordset(NULL::outcome, $3::json)
    WHERE (SELECT count(*) FROM evidences) >= 0
  RETURNING 1),
identities AS (
  INSERT INTO event_seen (
    source, event_id, payload_sha256, seen_at)
  SELECT
    source, event_id, payload_sha256, seen_at
    FROM json_populate_recordset(NULL::event_seen, $4::json)
    WHERE (SELECT count(*) FROM outcomes) >= 0
  RETURNING 1),
letters AS (
  INSERT INTO dead_letter (
    cluster_id, topic, partition, record_offset, record_key, record_value, headers, error, reason, at)
  SELECT
    cluster_id, topic, partition, record_offset, record_key, record_value, headers, error, reason, at
    FROM json_populate_recordset(NULL::dead_letter, $5::json)
    WHERE (SELECT count(*) FROM identities) >= 0
  RETURNING 1)
SELECT count(*) FROM letters;

-- name: write_consequences
-- role: hitl_worker, hitl_scheduler
-- What follows from a small batch, or from a duty: lists of rows as JSON. mode, decided_by and approvers of a decision are left
-- to their defaults, which is all that these roles may say; a review that contradicting evidence reopens starts again. The
-- outbox comes last: its ids are drawn while every patch they speak of is locked.
WITH decisions AS (
  INSERT INTO decision (
    patch_id, seq, round, decision_id, apv_id, cve_id, decision, comment, reasons, policy_version, patch_digest,
    evidence_digest, ml_confidence, ml_prediction, decided_at, valid_until, deployed, synthetic)
  SELECT
    patch_id, seq, round, decision_id, apv_id, cve_id, decision, comment, reasons, policy_version, patch_digest,
    evidence_digest, ml_confidence, ml_prediction, decided_at, valid_until, deployed, synthetic
    FROM json_populate_recordset(NULL::decision, $1::json)
  RETURNING 1),
actions AS (
  INSERT INTO action (
    at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
    justification, request_id, detail)
  SELECT
    at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
    justification, request_id, detail
    FROM json_populate_recordset(NULL::action, $2::json)
    WHERE (SELECT count(*) FROM decisions) >= 0
  RETURNING 1),
reviews AS (
  INSERT INTO review (
    patch_id, round, review_id, opened_at, source, author, package, ecosystem, language, strategy, cwe_ids, summary)
  SELECT
    patch_id, round, review_id, opened_at, source, author, package, ecosystem, language, strategy, cwe_ids, summary
    FROM json_populate_recordset(NULL::review, $3::json)
    WHERE (SELECT count(*) FROM actions) >= 0
  ON CONFLICT (patch_id, round) DO UPDATE
     SET review_id = excluded.review_id, opened_at = excluded.opened_at, package = excluded.package,
         ecosystem = excluded.ecosystem, language = excluded.language, strategy = excluded.strategy,
         cwe_ids = excluded.cwe_ids, summary = excluded.summary
  RETURNING 1)
INSERT INTO outbox (shard, messages)
SELECT shard, messages
  FROM json_populate_recordset(NULL::outbox, $4::json)
  WHERE (SELECT count(*) FROM reviews) >= 0;

-- name: write_outbox
-- role: hitl_worker, hitl_scheduler
-- Messages to publish, many; the id is drawn while every patch they speak of is locked.
INSERT INTO outbox (shard, messages) VALUES ($1, $2);

-- name: insert_round_closed
-- role: hitl_worker
-- A round that a newer artefact replaced; opened and replaced in one batch it has no id yet.
INSERT INTO round_closed (
  patch_id, round, id, apv_id, cve_id, state, seq, patch_digest, evidence_digest, severity, risk, ml_confidence,
  ml_prediction, policy_version, reasons, received_at, opened_at, synthetic, sampled, closed_at
) VALUES ($1, $2, coalesce($3, nextval('round_id')), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
$19, $20);
