-- name: audit_page
-- role: hitl_sidecar
-- The audit, newest first. $1 and $2 are the last entry of the page before; the others filter where they are not NULL. A page of each
-- table along its own index, and then the first of them all.
SELECT at, key, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version, justification,
       request_id, detail
  FROM ((SELECT * FROM decision_entry
          WHERE is_asked_for(at, key, patch_id, actor, action, policy_version, $1, $2, $3, $4, $5, $6, $7, $8)
          ORDER BY at DESC, key DESC LIMIT $9::int)
        UNION ALL
        (SELECT * FROM action_entry
          WHERE is_asked_for(at, key, patch_id, actor, action, policy_version, $1, $2, $3, $4, $5, $6, $7, $8)
          ORDER BY at DESC, key DESC LIMIT $9::int)
        UNION ALL
        (SELECT * FROM vote_entry
          WHERE is_asked_for(at, key, patch_id, actor, action, policy_version, $1, $2, $3, $4, $5, $6, $7, $8)
          ORDER BY at DESC, key DESC LIMIT $9::int)) AS entry
 ORDER BY at DESC, key DESC
 LIMIT $9::int;

-- name: audit_of_looks
-- role: hitl_sidecar
-- Who read what, newest first; asked for by its action `viewed` only, because there is so much of it.
SELECT at, key, person AS actor, NULL::text AS role, token_id, 'viewed' AS action, patch_id, round, seq, NULL::bytea AS patch_digest,
       evidence_digest, NULL::int AS policy_version, NULL::text AS justification, request_id,
       jsonb_build_object('version', version) AS detail
  FROM (SELECT *, ('l' || patch_id || ' ' || person || ' ' || version) COLLATE "C" AS key FROM look) AS l
 WHERE at <= $1::timestamptz AND (at < $1::timestamptz OR key < $2::text)
   AND ($3::text IS NULL OR patch_id = $3) AND ($4::text IS NULL OR person = $4)
   AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
 ORDER BY at DESC, key DESC
 LIMIT $7::int;
