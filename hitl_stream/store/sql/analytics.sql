-- name: count_patches
-- role: hitl_sidecar
-- How many patches stand in which state, of those first received in these days.
SELECT severity, state, approved_by, sum(patches)::bigint AS patches
  FROM tally
 WHERE day >= coalesce($1::date, '-infinity') AND day < coalesce($2::date, 'infinity')
 GROUP BY severity, state, approved_by
HAVING sum(patches) <> 0;

-- name: decision_times
-- role: hitl_sidecar
-- How long people took, by bucket, in these days.
SELECT bucket, sum(decisions)::bigint AS decisions, sum(seconds) AS seconds
  FROM decision_time
 WHERE day >= coalesce($1::date, '-infinity') AND day < coalesce($2::date, 'infinity')
 GROUP BY bucket
 ORDER BY bucket;

-- name: activity_by_day
-- role: hitl_sidecar
-- What happened on each of these days.
SELECT day, kind, sum(entries)::bigint AS entries
  FROM activity
 WHERE day >= $1::date AND day < $2::date
 GROUP BY day, kind;

-- name: decision_times_by_day
-- role: hitl_sidecar
-- How long people took, by day and bucket.
SELECT day, bucket, sum(decisions)::bigint AS decisions, sum(seconds) AS seconds
  FROM decision_time
 WHERE day >= $1::date AND day < $2::date
 GROUP BY day, bucket
 ORDER BY day, bucket;

-- name: add_up_tallies
-- role: hitl_scheduler
-- The function belongs to the schema's owner; this role may call it and nothing else.
SELECT add_up_tallies();
