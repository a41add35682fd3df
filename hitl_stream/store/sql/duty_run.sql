-- name: note_duty_success
-- role: hitl_scheduler
-- The duty did all it had to.
INSERT INTO duty_run AS d (duty, last_started_at, last_success_at, runs) VALUES ($1, clock_timestamp(), clock_timestamp(), 1)
ON CONFLICT (duty) DO UPDATE
   SET last_started_at = clock_timestamp(), last_success_at = clock_timestamp(), last_error = NULL, runs = d.runs + 1;

-- name: note_duty_failure
-- role: hitl_scheduler
-- The duty did not go through, and why.
INSERT INTO duty_run AS d (duty, last_started_at, last_error, runs) VALUES ($1, clock_timestamp(), $2, 1)
ON CONFLICT (duty) DO UPDATE SET last_started_at = clock_timestamp(), last_error = excluded.last_error, runs = d.runs + 1;

-- name: recall_duty
-- role: hitl_scheduler
-- What the duty has to remember.
SELECT memory FROM duty_run WHERE duty = $1;

-- name: remember_duty
-- role: hitl_scheduler
-- The same, for the next time.
INSERT INTO duty_run (duty, memory) VALUES ($1, $2) ON CONFLICT (duty) DO UPDATE SET memory = excluded.memory;
