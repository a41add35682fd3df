-- name: register_process
-- role: hitl_worker, hitl_scheduler, hitl_sidecar
-- A process says that it is there, and which schema it needs.
INSERT INTO process (process_id, kind, schema_revision, host) VALUES ($1, $2, $3, $4);

-- name: beat
-- role: hitl_worker, hitl_scheduler, hitl_sidecar
-- Still there.
UPDATE process SET seen_at = clock_timestamp() WHERE process_id = $1;

-- name: leave
-- role: hitl_worker, hitl_scheduler, hitl_sidecar
-- Gone in good order; the row itself is swept away later by the scheduler.
UPDATE process SET seen_at = '-infinity' WHERE process_id = $1;

-- name: sweep_processes
-- role: hitl_scheduler
-- Processes that left, or that nobody has heard of for a day.
DELETE FROM process WHERE seen_at < clock_timestamp() - interval '1 day';

-- name: alive_processes
-- role: hitl_operator
-- Who is there: what doctor shows, and what a migration down waits for.
SELECT kind, host, schema_revision, started_at, seen_at
  FROM process
 WHERE seen_at > clock_timestamp() - make_interval(secs => $1)
 ORDER BY kind, host, started_at;

-- name: end_silent_sessions
-- role: hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator
-- End the sessions whose clients stand still in the middle of a statement; says which.
SELECT end_silent_sessions() AS pid;
