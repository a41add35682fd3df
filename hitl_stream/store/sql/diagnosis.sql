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

-- name: logins_beyond_reach
-- role: hitl_operator
-- Logins of processes that are there whose silent sessions the owner of the schema could not end.
SELECT coalesce(array_agg(DISTINCT a.usename::text), '{}')
  FROM pg_proc AS f
  JOIN pg_stat_activity AS a ON a.datname = current_database() AND a.application_name IN ('hitl-worker', 'hitl-scheduler', 'hitl-sidecar')
  JOIN pg_roles AS r ON r.oid = a.usesysid
 WHERE f.oid = to_regprocedure('end_silent_sessions()')
   AND NOT pg_has_role(f.proowner, r.oid, 'USAGE')
   AND NOT (pg_has_role(f.proowner, 'pg_signal_backend', 'USAGE') AND pg_has_role(f.proowner, 'pg_read_all_stats', 'USAGE')
            AND NOT r.rolsuper);
