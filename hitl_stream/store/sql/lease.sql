-- name: take_lease
-- role: hitl_scheduler
-- Prolong our own lease, or take one that has expired under the next epoch.
UPDATE duty_lease
   SET epoch = CASE WHEN holder = $2 AND expires_at > clock_timestamp() THEN epoch ELSE epoch + 1 END, holder = $2,
       expires_at = clock_timestamp() + make_interval(secs => $3)
 WHERE name = $1 AND (holder = $2 OR expires_at <= clock_timestamp())
RETURNING epoch;

-- name: hold_lease
-- role: hitl_scheduler
-- A duty's transaction holds the lease shared: a takeover waits for its end.
SELECT epoch FROM duty_lease
 WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
   FOR SHARE;

-- name: release_lease
-- role: hitl_scheduler
-- Gone in good order.
UPDATE duty_lease SET expires_at = '-infinity' WHERE name = $1 AND holder = $2 AND epoch = $3;
