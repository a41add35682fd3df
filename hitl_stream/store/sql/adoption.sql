-- name: all_positions
-- role: hitl_operator
-- How far every partition is recorded, and by whom.
SELECT cluster_id, topic, partition, next_offset, epoch, owner, topic_id, moved_at
  FROM consumer_position
 ORDER BY cluster_id, topic, partition;

-- name: lock_positions
-- role: hitl_operator
-- The positions of one topic, held so that no batch moves them while they are set.
SELECT partition, next_offset, topic_id
  FROM consumer_position
 WHERE cluster_id = $1 AND topic = $2
 ORDER BY partition
   FOR UPDATE;

-- name: adopt_positions
-- role: hitl_operator
-- Set positions to what a person chose. The epoch moves too: no batch of an owner before can follow.
INSERT INTO consumer_position AS p (cluster_id, topic, partition, next_offset, topic_id)
SELECT $1, $2, s.partition, s.next_offset, $5
  FROM unnest($3::int[], $4::bigint[]) AS s (partition, next_offset)
 ORDER BY s.partition
ON CONFLICT (cluster_id, topic, partition) DO UPDATE
   SET next_offset = excluded.next_offset, topic_id = excluded.topic_id, epoch = p.epoch + 1, owner = '',
       moved_at = clock_timestamp();
