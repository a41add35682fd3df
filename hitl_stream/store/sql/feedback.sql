-- name: keep_feedback
-- role: hitl_sidecar
-- What a person said about the console, of which page and build.
INSERT INTO feedback (person, text, page, build) VALUES ($1, $2, $3, $4);
