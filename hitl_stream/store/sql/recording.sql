-- name: move_positions
-- role: hitl_worker
-- The first writing statement of every batch. Fewer rows than asked for: somebody else owns a partition, roll back.
UPDATE consumer_position AS p
   SET next_offset = s.next_offset, moved_at = clock_timestamp()
  FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS s (topic, partition, first_offset, next_offset, epoch)
 WHERE p.cluster_id = $1 AND p.topic = s.topic AND p.partition = s.partition
   AND p.next_offset = s.first_offset AND p.epoch = s.epoch
RETURNING clock_timestamp() AS now,
          (SELECT active_version FROM policy_state) AS active_version,
          (SELECT auto_approve FROM policy_state) AS auto_approve;

-- name: seen_events
-- role: hitl_worker
-- Which of these identities were applied before, and with what content.
SELECT e.source, e.event_id, e.payload_sha256
  FROM unnest($1::text[], $2::text[]) AS w (source, event_id)
  JOIN event_seen AS e ON e.source = w.source AND e.event_id = w.event_id;

-- name: applied_events
-- role: hitl_worker
-- What was stored of these events: to compare what they say, or because their identity is forgotten already.
SELECT 'result' AS kind, e.patch_id, e.source, e.event_id, e.payload_sha256, e.payload
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w (patch_id, source, event_id)
  JOIN evidence AS e ON e.patch_id = w.patch_id AND e.source = w.source AND e.event_id = w.event_id
UNION ALL
SELECT 'outcome', o.patch_id, o.source, o.event_id, o.payload_sha256, o.payload
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w (patch_id, source, event_id)
  JOIN outcome AS o ON o.patch_id = w.patch_id AND o.source = w.source AND o.event_id = w.event_id;

-- name: lock_patches
-- role: hitl_worker, hitl_scheduler
-- The lock of everything that happens to a patch; always in this order, always before an outbox id is drawn.
SELECT patch_id, apv_id, cve_id, home, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity,
       risk, ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, evidence_due_at, opened_at,
       expires_at, detected_at, synthetic, sampled, id
  FROM patch
 WHERE patch_id = ANY ($1::text[])
 ORDER BY patch_id
   FOR UPDATE;

-- name: round_evidence
-- role: hitl_worker, hitl_scheduler
-- The results that a patch's current round already has.
SELECT e.patch_id, e.source, e.event_id, e.patch_digest, e.payload
  FROM unnest($1::text[], $2::int[]) AS w (patch_id, round)
  JOIN evidence AS e ON e.patch_id = w.patch_id AND e.round = w.round;

-- name: older_digests
-- role: hitl_worker, hitl_scheduler
-- Artefacts that were replaced: a late result of one is filed with its round.
SELECT patch_id, round, patch_digest
  FROM round_closed
 WHERE patch_id = ANY ($1::text[]) AND patch_digest IS NOT NULL;

-- name: latest_outcomes
-- role: hitl_worker, hitl_scheduler
-- What was last reported of an artefact; who names only a decision means the artefact that it is about.
SELECT DISTINCT ON (o.patch_id, coalesce(o.patch_digest, d.patch_digest))
       o.patch_id, coalesce(o.patch_digest, d.patch_digest) AS patch_digest, o.outcome
  FROM outcome AS o
  LEFT JOIN decision AS d
    ON o.patch_digest IS NULL AND d.patch_id = o.patch_id AND d.decision_id::text = o.decision_id
 WHERE o.patch_id = ANY ($1::text[])
 ORDER BY o.patch_id, coalesce(o.patch_digest, d.patch_digest), o.received_at DESC, o.record_offset DESC;

-- name: standing
-- role: hitl_worker, hitl_scheduler
-- What stands in the way of a policy approval: an approved patch of the same apv_id, a rejection by a person. A patch is of every
-- apv_id that one of its results named.
SELECT 'approved' AS kind, apv_id, NULL::bytea AS patch_digest, patch_id
  FROM patch WHERE apv_id = ANY ($1::text[]) AND state = 'approved' AND approved_by = 'policy'
UNION ALL
SELECT 'approved', apv_id, NULL, patch_id
  FROM patch WHERE apv_id = ANY ($1::text[]) AND state = 'approved' AND approved_by = 'human'
UNION ALL
SELECT 'rejected', apv_id, NULL, patch_id
  FROM decision WHERE apv_id = ANY ($1::text[]) AND decision = 'rejected'
UNION ALL
SELECT 'approved', o.apv_id, NULL, o.patch_id
  FROM other_apv AS o JOIN patch AS p USING (patch_id) WHERE o.apv_id = ANY ($1::text[]) AND p.state = 'approved'
UNION ALL
SELECT 'rejected', o.apv_id, NULL, o.patch_id
  FROM other_apv AS o JOIN decision AS d USING (patch_id) WHERE o.apv_id = ANY ($1::text[]) AND d.decision = 'rejected'
UNION ALL
SELECT 'rejected', NULL, patch_digest, patch_id
  FROM decision WHERE patch_digest = ANY ($2::bytea[]) AND decision = 'rejected';

-- name: insert_other_apv
-- role: hitl_worker
-- What a result named beside the apv_id of the patch's first.
INSERT INTO other_apv (apv_id, patch_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: standing_approvals
-- role: hitl_worker
-- The decision that each approved patch stands on.
SELECT p.patch_id, d.decision_id, d.valid_until
  FROM patch AS p JOIN decision AS d ON d.patch_id = p.patch_id AND d.seq = p.seq
 WHERE p.patch_id = ANY ($1::text[]) AND p.state = 'approved' AND d.decision = 'approved';
