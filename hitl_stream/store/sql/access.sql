-- name: group_roles
-- role: hitl_operator
-- Which group of the identity provider has which role, and who said so.
SELECT group_name, role, granted_by, granted_at FROM access_group_role ORDER BY group_name, role;

-- name: authors
-- role: hitl_operator
-- Who an author is; a machine has no person.
SELECT source, name, person, mapped_by, mapped_at FROM author ORDER BY source, name;

-- name: grant_group_role
-- role: hitl_operator
-- From the commit on the group has the role; nothing happens if it had.
INSERT INTO access_group_role (group_name, role, granted_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: revoke_group_role
-- role: hitl_operator
-- From the commit on no decision can be made by it: every deciding transaction reads this table.
DELETE FROM access_group_role WHERE group_name = $1 AND role = $2;

-- name: map_author
-- role: hitl_operator
-- Who this author of this source is.
INSERT INTO author AS a (source, name, person, mapped_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (source, name) DO UPDATE SET person = excluded.person, mapped_by = excluded.mapped_by, mapped_at = now();

-- name: approval_rules
-- role: hitl_operator
-- How many different reviewers each class needs.
SELECT class, needed FROM approval_rule ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], class);

-- name: take_rules_lock
-- role: hitl_operator
-- Alone: every approval under way is committed before this has it, and none begins until the transaction ends.
SELECT pg_advisory_xact_lock(7523672661590565754);

-- name: set_approval_rule
-- role: hitl_operator
-- From the commit on so many are needed, of open reviews as well; nothing happens if it was so.
UPDATE approval_rule SET needed = $2 WHERE class = $1 AND needed <> $2;

-- name: roles_of_groups
-- role: hitl_sidecar
-- What these groups may do, at this moment.
SELECT DISTINCT role FROM access_group_role WHERE group_name = ANY ($1::text[]);
