-- name: create_position
-- role: hitl_worker
-- A partition never seen before starts at its earliest record. Untargeted: two workers may try at once.
INSERT INTO consumer_position (cluster_id, topic, partition, next_offset, topic_id)
SELECT $1, $2, s.partition, s.next_offset, $5
  FROM unnest($3::int[], $4::bigint[]) AS s (partition, next_offset)
 ORDER BY s.partition
ON CONFLICT DO NOTHING;

-- name: claim_positions
-- role: hitl_worker
-- Whoever claims gets the next epoch; every transaction of the owner before fails from now on.
UPDATE consumer_position AS p
   SET epoch = p.epoch + 1, owner = $4, topic_id = coalesce(p.topic_id, $5), moved_at = clock_timestamp()
  FROM (SELECT partition FROM consumer_position
         WHERE cluster_id = $1 AND topic = $2 AND partition = ANY ($3::int[])
         ORDER BY partition FOR UPDATE) AS mine
 WHERE p.cluster_id = $1 AND p.topic = $2 AND p.partition = mine.partition
RETURNING p.partition, p.next_offset, p.epoch, p.topic_id;

-- name: read_positions
-- role: hitl_worker
-- Where an owner must seek to after a transaction of its was refused.
SELECT partition, next_offset, epoch
  FROM consumer_position
 WHERE cluster_id = $1 AND topic = $2 AND partition = ANY ($3::int[]);

-- name: claim_shards
-- role: hitl_worker
-- Whoever owns the home partition publishes its shard.
INSERT INTO outbox_shard AS o (shard, epoch, owner)
SELECT s, 1, $2 FROM unnest($1::int[]) AS s ORDER BY s
ON CONFLICT (shard) DO UPDATE SET epoch = o.epoch + 1, owner = excluded.owner, claimed_at = clock_timestamp()
RETURNING shard, epoch;

-- name: known_shards
-- role: hitl_worker
-- Shards that ever had an owner or still hold messages; a topic may have had more partitions once.
WITH RECURSIVE held AS (
  (SELECT shard FROM outbox ORDER BY shard LIMIT 1)
  UNION ALL
  SELECT o.shard
    FROM held AS before
   CROSS JOIN LATERAL (SELECT shard FROM outbox WHERE shard > before.shard ORDER BY shard LIMIT 1) AS o)
SELECT shard FROM held UNION SELECT shard FROM outbox_shard;
