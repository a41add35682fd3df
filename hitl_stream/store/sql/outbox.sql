-- name: take_outbox
-- role: hitl_worker
-- The oldest unpublished rows of the shards, in the order they must be published, and away with what was published and
-- acknowledged: one round trip. Only the shard's owner removes, so that a zombie cannot take what it did not publish.
-- Of each shard the first row and those before which there are less than $6 bytes. The removal waits for no disk: should the server
-- crash before it is there, the rows are published again, as after a crash of ours.
WITH at_ease AS (SELECT set_config('synchronous_commit', 'off', true)), gone AS (
  DELETE FROM outbox AS o
   USING unnest($3::int[], $4::bigint[], $5::bigint[]) AS w (shard, id, epoch), outbox_shard AS s, at_ease
   WHERE o.shard = w.shard AND o.id = w.id AND s.shard = w.shard AND s.epoch = w.epoch
  RETURNING o.shard)
SELECT g.gone, o.shard, o.id, o.messages
  FROM (SELECT count(*) FILTER (WHERE shard = ANY ($1::int[])) AS gone FROM gone) AS g
  LEFT JOIN (SELECT r.shard, r.id, r.messages
               FROM unnest($1::int[]) AS s (shard)
              CROSS JOIN LATERAL (SELECT q.shard, q.id, q.messages, sum(q.size) OVER (ORDER BY q.id) - q.size AS before
                                    FROM (SELECT shard, id, messages,
                                                 (SELECT sum(octet_length(part)) FROM unnest(messages) AS m (part)) AS size
                                            FROM outbox
                                           WHERE shard = s.shard AND id <> ALL ($4::bigint[])
                                           ORDER BY id
                                           LIMIT $2) AS q) AS r
              WHERE r.before < $6::bigint) AS o ON true
 ORDER BY o.shard, o.id;

-- name: outbox_oldest_age
-- role: hitl_worker, hitl_scheduler, hitl_sidecar
-- How long the oldest unpublished message has waited, in seconds, of shards below $1 and of the rest; NULL when there is none.
-- Looks at the first row of each shard only: this is asked most often when the outbox is at its largest.
WITH RECURSIVE oldest AS (
  (SELECT shard, created_at FROM outbox ORDER BY shard, id LIMIT 1)
  UNION ALL
  SELECT o.shard, o.created_at
    FROM oldest AS before
   CROSS JOIN LATERAL (SELECT shard, created_at FROM outbox WHERE shard > before.shard ORDER BY shard, id LIMIT 1) AS o)
SELECT extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE shard < $1::int))::double precision AS events_s,
       extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE shard >= $1::int))::double precision AS letters_s
  FROM oldest;
