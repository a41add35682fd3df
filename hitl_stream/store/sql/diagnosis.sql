-- name: server_facts
-- role: hitl_operator
-- Which server this is, who we are on it, and what time it has.
SELECT current_setting('server_version_num')::int / 10000 AS version, session_user::text AS session_user,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only, clock_timestamp() AS now;

-- name: stored_topics
-- role: hitl_operator
-- Which topics the positions were made for.
SELECT cluster_id, topic, topic_id, count(*)::int AS partitions
  FROM consumer_position
 GROUP BY cluster_id, topic, topic_id
 ORDER BY cluster_id, topic;
