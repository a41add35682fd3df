-- name: keep_name
-- role: hitl_sidecar
-- What the provider calls somebody, and what is the same for names that look alike.
INSERT INTO person (subject, name, alike) VALUES ($1, $2, $3)
    ON CONFLICT (subject) DO UPDATE SET name = excluded.name, alike = excluded.alike;

-- name: names_of
-- role: hitl_sidecar
-- What these are called, and whether that looks like what somebody else is called, or is.
SELECT subject, name,
       EXISTS (SELECT FROM person AS other WHERE other.alike = person.alike AND other.subject <> person.subject)
         OR EXISTS (SELECT FROM person AS other WHERE other.subject = person.name AND other.subject <> person.subject) AS shared
  FROM person
 WHERE subject = ANY ($1::text[])
 ORDER BY subject;

-- name: forget_name
-- role: hitl_operator
-- What somebody is called, forgotten.
DELETE FROM person WHERE subject = $1;
