-- name: write_operator_action
-- role: hitl_operator
-- What an operator did, dated by the database.
INSERT INTO action (at, actor, role, action, policy_version, justification, detail)
VALUES (clock_timestamp(), $1, 'operator', $2, $3, $4, $5);
