-- name: patch_detail
-- role: hitl_sidecar
-- The current round of one patch as it stands, with those who approved it, who holds it, and whether it is this person's own.
SELECT p.patch_id, p.apv_id,
       ARRAY(SELECT p.apv_id UNION ALL SELECT o.apv_id FROM other_apv AS o WHERE o.patch_id = p.patch_id) AS apv_ids,
       p.cve_id, p.round, p.state, p.approved_by, p.seq, p.version, p.patch_digest, p.evidence_digest,
       p.severity, p.risk, p.ml_confidence, p.ml_prediction, p.policy_version, p.reasons, p.received_at, p.changed_at,
       p.evidence_due_at, p.opened_at, p.expires_at, p.detected_at, p.synthetic,
       is_own(p, $2) AS own, (glass_unreviewed(p))[1] AS glass_broken_by, c.person AS claimed_by, c.until AS claimed_until, approvals_needed(p) AS approvals_required,
       CASE WHEN p.state = 'approved' THEN d.approvers ELSE voters(p) END AS approvals,
       CASE WHEN p.state = 'approved' THEN d.valid_until END AS valid_until
  FROM patch AS p
  LEFT JOIN decision AS d ON d.patch_id = p.patch_id AND d.seq = p.seq
  LEFT JOIN claim AS c ON c.patch_id = p.patch_id AND c.round = p.round AND c.until > clock_timestamp() AND p.state = 'pending'
 WHERE p.patch_id = $1;

-- name: patch_standing
-- role: hitl_sidecar
-- Just enough to tell a person that the card is stale.
SELECT version, state, round, opened_at FROM patch WHERE patch_id = $1;

-- name: last_decision
-- role: hitl_sidecar
-- Who won, and when.
SELECT decision, decided_by, decided_at, decision_id FROM decision WHERE patch_id = $1 ORDER BY seq DESC LIMIT 1;

-- name: patch_authors
-- role: hitl_sidecar
-- Who made what the open round is about: persons, machines, and those whom nobody knows.
SELECT source, name, known, person FROM round_authors($1, $2) ORDER BY source, name;

-- name: patch_comments
-- role: hitl_sidecar
-- What people said without deciding, oldest first; where it is too much the latest of it.
SELECT at, actor, round, comment
  FROM (SELECT id, at, actor, round, justification AS comment
          FROM action
         WHERE patch_id = $1 AND action = 'commented'
         ORDER BY at DESC, id DESC
         LIMIT $2::int) AS latest
 ORDER BY at, id;

-- name: patch_outcomes
-- role: hitl_sidecar
-- What became of it after deployment, the newest first.
SELECT observed_at AS at, source, outcome, detail, unapproved
  FROM outcome
 WHERE patch_id = $1
 ORDER BY observed_at DESC, source, event_id
 LIMIT $2::int;

-- name: changes_since
-- role: hitl_sidecar
-- What is different from what this person saw: at version $3, or where that is NULL when they last looked.
SELECT l.version, l.round, l.at, p.version <> l.version AS changed, p.round <> l.round AS artefact,
       p.evidence_digest <> l.evidence_digest AS evidence, p.seq <> l.seq AS decision,
       EXISTS (SELECT FROM vote AS v WHERE v.patch_id = p.patch_id AND v.seq > p.seq AND v.at > l.at) AS approvals
  FROM look AS l
  JOIN patch AS p ON p.patch_id = l.patch_id
 WHERE l.patch_id = $1 AND l.person = $2 AND l.version = coalesce($3::bigint, l.version)
 ORDER BY l.version DESC
 LIMIT 1;

-- name: last_change
-- role: hitl_sidecar
-- What last moved the version of a patch: all of it that is known for certain where the person did not read the version they name.
SELECT CASE WHEN EXISTS (SELECT FROM decision AS d WHERE d.patch_id = p.patch_id AND d.decided_at = p.changed_at) THEN 'decision'
            WHEN EXISTS (SELECT FROM vote AS v WHERE v.patch_id = p.patch_id AND v.at = p.changed_at) THEN 'approvals'
            WHEN EXISTS (SELECT FROM action AS a WHERE a.patch_id = p.patch_id AND a.action = 'reopened' AND a.at = p.changed_at) THEN 'state'
            ELSE 'evidence' END
  FROM patch AS p
 WHERE p.patch_id = $1;

-- name: note_look
-- role: hitl_sidecar
-- This person saw this version; only the first time is kept. Who reads does not wait for a disk: what they decide later is written
-- behind this and does wait, so what a decision rests on is there whenever the decision is.
WITH at_ease AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO look (patch_id, person, version, round, seq, evidence_digest, token_id, request_id)
SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM at_ease
ON CONFLICT DO NOTHING;

-- name: renew_claim
-- role: hitl_sidecar
-- Whoever reads what they hold, holds it on; this waits for no disk either.
WITH at_ease AS (SELECT set_config('synchronous_commit', 'off', true))
SELECT renew_claim($1, $2) FROM at_ease;

-- name: patch_results
-- role: hitl_sidecar
-- The evidence of one round in the order of arrival, after a place, bounded in number and bytes; how many there are from there on.
-- A payload is gone after its retention.
SELECT source, event_id, payload, received_at, total
  FROM (SELECT source, event_id, payload, received_at, count(*) OVER () AS total, row_number() OVER arrival AS place,
               coalesce(sum(octet_length(payload)) OVER arrival - octet_length(payload), 0) AS bytes_before
          FROM evidence
         WHERE patch_id = $1 AND round = $2 AND (received_at, source, event_id) > ($3::timestamptz, $4::text, $5::text)
        WINDOW arrival AS (ORDER BY received_at, source, event_id)) AS ordered
 WHERE place <= $6::int AND bytes_before < $7::bigint
 ORDER BY place;

-- name: round_artefact
-- role: hitl_sidecar
-- What a round was about, and a result of it that brought the artefact, none where its content is gone; no row where there was no such round.
SELECT r.patch_digest,
       (SELECT e.payload
          FROM evidence AS e
         WHERE e.patch_id = $1 AND e.round = $2 AND e.patch_digest = r.patch_digest AND e.payload IS NOT NULL
         ORDER BY e.received_at, e.source, e.event_id
         LIMIT 1) AS payload
  FROM (SELECT patch_digest FROM patch WHERE patch_id = $1 AND round = $2
        UNION ALL
        SELECT patch_digest FROM round_closed WHERE patch_id = $1 AND round = $2) AS r;

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
-- Other patches that bear on this one: for one of its apv_ids approved or waiting, rejected for it or for the same artefact, and the
-- latest ten of the same CVE: each lies on a page of its own. A rejection is shown as it was, all others as they stand.
SELECT patch_id, state, patch_digest, at, bool_or(apv_id = ANY ($2::text[])) AS same_apv_id,
       bool_or(cve_id IS NOT DISTINCT FROM $4) AS same_cve_id, patch_digest IS NOT DISTINCT FROM $3 AS same_patch_digest
  FROM ((SELECT patch_id, state, patch_digest, changed_at AS at, apv_id, cve_id
           FROM patch
          WHERE apv_id = ANY ($2::text[]) AND state = 'approved' AND approved_by = 'policy'
          LIMIT 50)
        UNION
        (SELECT patch_id, state, patch_digest, changed_at, apv_id, cve_id
           FROM patch
          WHERE apv_id = ANY ($2::text[]) AND state = 'approved' AND approved_by = 'human'
          LIMIT 50)
        UNION
        (SELECT p.patch_id, p.state, p.patch_digest, p.changed_at, p.apv_id, p.cve_id
           FROM queue AS q JOIN patch AS p ON p.patch_id = q.patch_id
          WHERE q.apv_id = ANY ($2::text[])
          LIMIT 50)
        UNION
        (SELECT p.patch_id, p.state, p.patch_digest, p.changed_at, o.apv_id, p.cve_id
           FROM other_apv AS o JOIN patch AS p USING (patch_id)
          WHERE o.apv_id = ANY ($2::text[]) AND p.state IN ('approved', 'pending')
          LIMIT 50)
        UNION
        (SELECT patch_id, 'rejected', patch_digest, decided_at, apv_id, cve_id
           FROM decision
          WHERE decision = 'rejected' AND apv_id = ANY ($2::text[])
          LIMIT 50)
        UNION
        (SELECT d.patch_id, 'rejected', d.patch_digest, d.decided_at, o.apv_id, d.cve_id
           FROM other_apv AS o JOIN decision AS d USING (patch_id)
          WHERE d.decision = 'rejected' AND o.apv_id = ANY ($2::text[])
          LIMIT 50)
        UNION
        (SELECT patch_id, 'rejected', patch_digest, decided_at, apv_id, cve_id
           FROM decision
          WHERE decision = 'rejected' AND patch_digest = $3
          LIMIT 50)
        UNION
        (SELECT patch_id, state, patch_digest, changed_at, apv_id, cve_id
           FROM patch
          WHERE cve_id = $4 AND patch_id <> $1
          ORDER BY id DESC
          LIMIT 10)) AS related
 WHERE patch_id <> $1
 GROUP BY patch_id, state, patch_digest, at
 ORDER BY at DESC, patch_id;

-- name: gate
-- role: hitl_sidecar
-- The one question everything is for.
-- A standby may not know yet of a revocation.
SELECT deployable, reason, decision_id, decided_at, expires_at, least(clock_timestamp() + interval '60 seconds', expires_at) AS valid_until,
       pg_is_in_recovery() AS standby
  FROM gate($1, $2);

-- name: glass_unreviewed
-- role: hitl_sidecar
-- How often the glass was broken and nobody else looked at it yet.
SELECT count(*) FROM action AS b WHERE b.action = 'glass_broken' AND NOT is_reviewed(b);

-- name: deployment_alarms
-- role: hitl_sidecar
-- How often something was deployed that did not stand approved, or no longer stood so.
SELECT count(*) FROM action WHERE action IN ('unapproved_deployment', 'revoked_after_deployment');

-- name: database_answers
-- role: hitl_sidecar
-- Whether the database answers.
SELECT 1;
