-- name: dead_letters_page
-- role: hitl_operator
-- Dead letters behind an id, filtered; without their bytes.
SELECT id, cluster_id, topic, partition, record_offset, error, reason, at, state, settled_by, settled_at, note,
       octet_length(record_value) AS bytes
  FROM dead_letter
 WHERE id > $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR error = $3) AND ($4::text IS NULL OR topic = $4)
 ORDER BY id
 LIMIT $5::int;

-- name: dead_letter
-- role: hitl_operator
-- One dead letter as it came.
SELECT id, cluster_id, topic, partition, record_offset, error, reason, at, state, settled_by, settled_at, note,
       octet_length(record_value) AS bytes, record_key, record_value, headers
  FROM dead_letter
 WHERE id = $1;

-- name: lock_dead_letters
-- role: hitl_operator
-- Open ones of these, held until they are settled, so that two operators do not replay the same.
SELECT id, topic, partition, record_key, record_value, headers, error
  FROM dead_letter
 WHERE id = ANY ($1::bigint[]) AND state = 'open'
 ORDER BY id
   FOR UPDATE;

-- name: settle_dead_letters
-- role: hitl_operator
-- What became of them.
UPDATE dead_letter
   SET state = $2, settled_by = $3, settled_at = clock_timestamp(), note = $4
 WHERE id = ANY ($1::bigint[]) AND state = 'open';
