-- name: renew_lease
-- role: hitl_scheduler
-- Prolong our own lease. No key changes, so this never waits for the duties that hold the row.
UPDATE duty_lease SET expires_at = clock_timestamp() + make_interval(secs => $3)
 WHERE name = $1 AND holder = $2 AND expires_at > clock_timestamp()
RETURNING epoch;

-- name: take_lease
-- role: hitl_scheduler
-- Take a lease that has expired, under the next epoch. FOR UPDATE waits for every duty of the holder before.
WITH free AS (
  SELECT name FROM duty_lease
   WHERE name = $1 AND expires_at <= clock_timestamp()
     FOR UPDATE)
UPDATE duty_lease AS l
   SET epoch = l.epoch + 1, holder = $2, expires_at = clock_timestamp() + make_interval(secs => $3)
  FROM free
 WHERE l.name = free.name
RETURNING l.epoch;

-- name: hold_lease
-- role: hitl_scheduler
-- A duty's transaction holds the lease: a takeover waits for its end, a renewal does not.
SELECT epoch FROM duty_lease
 WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
   FOR KEY SHARE;

-- name: release_lease
-- role: hitl_scheduler
-- Gone in good order.
UPDATE duty_lease SET expires_at = '-infinity' WHERE name = $1 AND holder = $2 AND epoch = $3;
