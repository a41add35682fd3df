-- name: keep_name
-- role: hitl_sidecar
-- What the provider calls somebody, where that is new.
INSERT INTO person (subject, name) VALUES ($1, $2)
    ON CONFLICT (subject) DO UPDATE SET name = excluded.name, told_at = now() WHERE person.name <> excluded.name;

-- name: names_of
-- role: hitl_sidecar
-- What these are called, and whether somebody else is called the same.
SELECT subject, name, EXISTS (SELECT FROM person AS other
                               WHERE lower(other.name) = lower(person.name) AND other.subject <> person.subject) AS shared
  FROM person
 WHERE subject = ANY ($1::text[])
 ORDER BY subject;
