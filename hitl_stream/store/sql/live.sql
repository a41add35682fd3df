-- name: give_ticket
-- role: hitl_sidecar
-- Good once, for half a minute.
INSERT INTO live_ticket (ticket_sha256, person, groups, expires_at, until)
VALUES ($1, $2, $3, clock_timestamp() + interval '30 seconds', $4)
RETURNING expires_at;

-- name: take_ticket
-- role: hitl_sidecar
-- Whoever comes with it, if it is still good; then it is gone.
DELETE FROM live_ticket WHERE ticket_sha256 = $1 AND expires_at > clock_timestamp() RETURNING person, groups, until;

-- name: present_cursor
-- role: hitl_sidecar
-- The place from which everything is still to come.
SELECT pg_current_snapshot()::text;

-- name: written_tags
-- role: hitl_sidecar
-- Tags by the rules that reviews' tags are made by.
SELECT tags_of($1::text[]);

-- name: changes_after
-- role: hitl_sidecar
-- What is visible now and was not to the cursor, with how it stands; the cursor of now in every row.
SELECT c.kind, c.patch_id, p.version, d.decision, d.decided_by, h.person AS claimed_by,
       ARRAY(SELECT tag FROM unnest(c.tags) AS tag WHERE tag NOT LIKE 'word:%') AS tags, c.tags IS NULL AS for_everybody, pg_current_snapshot()::text AS cursor
  FROM change AS c
  JOIN patch AS p ON p.patch_id = c.patch_id
  LEFT JOIN decision AS d ON c.kind = 'decision_made' AND d.patch_id = p.patch_id AND d.seq = p.seq
  LEFT JOIN claim AS h ON c.kind = 'claim_changed' AND h.patch_id = p.patch_id AND h.round = p.round AND h.until > now()
 WHERE c.xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(c.xid, $1::text::pg_snapshot)
 ORDER BY c.at
 LIMIT $2::int;

-- name: may_miss
-- role: hitl_sidecar
-- Whether something that the cursor did not see may be forgotten by now.
SELECT xid >= pg_snapshot_xmin($1::text::pg_snapshot) FROM change_forgotten;

-- name: forget_changes
-- role: hitl_scheduler
-- The function belongs to the schema's owner; this role may call it and nothing else.
SELECT forget_changes($1::interval, $2::int);
