-- name: plan_for_values
-- role: hitl_sidecar
-- The best way depends on which filters are there: for the rest of the transaction plans are made for the values at hand, and what
-- two indexes say of a million rows has room, row by row.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '32MB', true);

-- name: plan_as_usual
-- role: hitl_sidecar
-- What follows is planned as usual again.
SELECT set_config('plan_cache_mode', 'auto', true);

-- name: claimed_patches
-- role: hitl_sidecar
-- What is held at this moment: by this person, or where that is NULL by anybody. Who held an older round holds nothing.
SELECT coalesce(array_agg(patch_id), '{}')
  FROM claim JOIN queue USING (patch_id, round)
 WHERE person = coalesce($1::text, person) AND until > now();

-- name: half_approved_patches
-- role: hitl_sidecar
-- What somebody approved, but not this person, who is no author of it.
SELECT coalesce(array_agg(p.patch_id), '{}')
  FROM queue AS q
  JOIN patch AS p USING (patch_id)
 CROSS JOIN LATERAL (SELECT voters(p) AS given OFFSET 0) AS v
 WHERE q.tags @> '{approvals:some}' AND v.given <> '{}' AND NOT $1::text = ANY (v.given) AND NOT is_own(p, $1::text);

-- name: others_turn
-- role: hitl_sidecar
-- What is not this person's turn: somebody else holds it, or they approved it and others must, or wrote it and others approved it.
SELECT coalesce(array_agg(patch_id), '{}')
  FROM (SELECT patch_id FROM claim JOIN queue USING (patch_id, round) WHERE person <> $1::text AND until > now()
        UNION
        SELECT q.patch_id
          FROM queue AS q
          JOIN patch AS p USING (patch_id)
         CROSS JOIN LATERAL (SELECT voters(p) AS given OFFSET 0) AS v
         WHERE q.tags @> '{approvals:some}' AND ($1::text = ANY (v.given) AND cardinality(v.given) < approvals_needed(p) OR is_own(p, $1::text))) AS others;

-- name: queue_by_priority
-- role: hitl_sidecar
-- A page of what waits, the highest priority first. $1 and $2 are the last row of the page before, $19 how many to leave out.
SELECT q.patch_id, (-q.priority)::float8 AS key
  FROM queue AS q
 WHERE (-q.priority, q.patch_id) > ($1::float8::int, $2::text)
   AND is_wanted(q, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
 ORDER BY -q.priority, q.patch_id
 LIMIT $3::int OFFSET $19::int;

-- name: queue_by_severity
-- role: hitl_sidecar
-- A page of what waits, the severest first. $1 and $2 are the last row of the page before, $19 how many to leave out.
SELECT q.patch_id, (-q.severity_points)::float8 AS key
  FROM queue AS q
 WHERE (-q.severity_points, q.patch_id) > ($1::float8::int, $2::text)
   AND is_wanted(q, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
 ORDER BY -q.severity_points, q.patch_id
 LIMIT $3::int OFFSET $19::int;

-- name: queue_by_confidence
-- role: hitl_sidecar
-- A page of what waits, the least certain first. $1 and $2 are the last row of the page before, $19 how many to leave out.
SELECT q.patch_id, q.ml_confidence AS key
  FROM queue AS q
 WHERE (q.ml_confidence, q.patch_id) > ($1::float8, $2::text)
   AND is_wanted(q, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
 ORDER BY q.ml_confidence, q.patch_id
 LIMIT $3::int OFFSET $19::int;

-- name: queue_by_age
-- role: hitl_sidecar
-- A page of what waits, the oldest first. $1 and $2 are the last row of the page before, $19 how many to leave out.
SELECT q.patch_id, (extract(epoch FROM q.opened_at) * 1000000)::float8 AS key
  FROM queue AS q
 WHERE (q.opened_at, q.patch_id) > (timestamptz 'epoch' + $1::float8 * interval '1 microsecond', $2::text)
   AND is_wanted(q, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
 ORDER BY q.opened_at, q.patch_id
 LIMIT $3::int OFFSET $19::int;

-- name: queue_by_deadline
-- role: hitl_sidecar
-- A page of what waits, the nearest time limit first. $1 and $2 are the last row of the page before, $19 how many to leave out.
SELECT q.patch_id, (extract(epoch FROM q.expires_at) * 1000000)::float8 AS key
  FROM queue AS q
 WHERE (q.expires_at, q.patch_id) > (timestamptz 'epoch' + $1::float8 * interval '1 microsecond', $2::text)
   AND is_wanted(q, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
 ORDER BY q.expires_at, q.patch_id
 LIMIT $3::int OFFSET $19::int;

-- name: queue_few
-- role: hitl_sidecar
-- The same in any order, where fewer than $21 are wanted, so that all can be sorted: found by what they are, not by walking an
-- order's index. How many there are stands in every row; a page without any has one row, of nobody.
WITH few AS MATERIALIZED (
  SELECT q.patch_id,
         CASE $20::text WHEN 'risk' THEN -q.priority::float8
                        WHEN 'severity' THEN -q.severity_points::float8
                        WHEN 'confidence' THEN q.ml_confidence
                        WHEN 'age' THEN (extract(epoch FROM q.opened_at) * 1000000)::float8
                        ELSE (extract(epoch FROM q.expires_at) * 1000000)::float8 END AS key
    FROM queue AS q
   WHERE is_wanted(q, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
   LIMIT $21::int),
page AS (
  SELECT patch_id, key
    FROM few
   WHERE (key, patch_id) > ($1::float8, $2::text)
   ORDER BY key, patch_id
   LIMIT $3::int OFFSET $19::int)
SELECT total, patch_id, key
  FROM (SELECT count(*) AS total FROM few) AS counted
  LEFT JOIN page ON true
 ORDER BY key, patch_id;

-- name: queue_count
-- role: hitl_sidecar
-- How many wait, counted no further than $1.
SELECT count(*)
  FROM (SELECT FROM queue AS q
         WHERE is_wanted(q, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         LIMIT $1::int) AS waiting;

-- name: queue_beginning
-- role: hitl_sidecar
-- How many begin like $2 by their patch, apv_id, CVE or package, whichever are the most, counted no further than $1.
SELECT greatest(
  (SELECT count(*) FROM (SELECT FROM queue WHERE patch_id LIKE $2 LIMIT $1::int) AS patches),
  (SELECT count(*) FROM (SELECT FROM queue WHERE apv_id LIKE $2 LIMIT $1::int) AS apvs),
  (SELECT count(*) FROM (SELECT FROM queue WHERE cve_tag LIKE lower('cve:' || $2) LIMIT $1::int) AS cves),
  (SELECT count(*) FROM (SELECT FROM queue WHERE package_tag LIKE lower('package:' || $2) LIMIT $1::int) AS packages));

-- name: queue_size
-- role: hitl_sidecar
-- About how many wait in all, as the last ANALYZE found.
SELECT reltuples::float8 FROM pg_class WHERE oid = 'queue'::regclass;

-- name: queue_sample
-- role: hitl_sidecar
-- How many wait in $1 per cent of the table's pages, always the same ones; and the squares of how many in each, added up.
SELECT coalesce(sum(hits), 0)::float8 AS found, coalesce(sum(hits * hits), 0)::float8 AS squares
  FROM (SELECT count(*) AS hits
          FROM queue AS q TABLESAMPLE SYSTEM ($1::float8) REPEATABLE (0)
         WHERE is_wanted(q, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         GROUP BY (q.ctid::text::point)[0]) AS page;

-- name: queue_facets
-- role: hitl_sidecar
-- How many of the first $1 reviews have which tag.
SELECT tag, count(*) AS reviews
  FROM (SELECT q.tags FROM queue AS q
         WHERE is_wanted(q, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         LIMIT $1::int) AS waiting
 CROSS JOIN unnest(tags) AS tag
 WHERE tag NOT LIKE 'word:%'
 GROUP BY tag
 ORDER BY count(*) DESC, tag
 LIMIT 500;

-- name: queue_facets_sample
-- role: hitl_sidecar
-- How many of the reviews in $1 per cent of the table's pages have which tag.
SELECT tag, count(*) AS reviews
  FROM queue AS q TABLESAMPLE SYSTEM ($1::float8) REPEATABLE (0)
 CROSS JOIN unnest(q.tags) AS tag
 WHERE is_wanted(q, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AND tag NOT LIKE 'word:%'
 GROUP BY tag
 ORDER BY count(*) DESC, tag
 LIMIT 500;

-- name: queue_cards
-- role: hitl_sidecar
-- What the list shows of these reviews.
SELECT q.patch_id, q.round, q.apv_id, q.cve_id, q.severity, q.risk, q.package, q.ecosystem, q.language, q.strategy, q.cwe_ids, q.summary,
       nullif(q.ml_confidence, -1) AS ml_confidence, q.ml_prediction, q.reasons, q.opened_at, q.expires_at, q.version, q.synthetic,
       c.person AS claimed_by, voters_shown(q) AS approvals, approvals_shown(q) AS approvals_required,
       q.priority, q.severity_points, q.risk_points, q.doubt_points
  FROM queue AS q
  LEFT JOIN claim AS c ON c.patch_id = q.patch_id AND c.round = q.round AND c.until > now()
 WHERE q.patch_id = ANY ($1::text[]);
