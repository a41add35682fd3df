-- What the benchmark's databases are made of. Patches as they stand after a year of work: of ten, one waits, one was rejected,
-- one expired, and policy approved seven. What waits came last, in the last six days: nothing waits for more than seven. There are
-- as many packages() and cves() as fill.py says. The same number always makes the same patch.
CREATE FUNCTION patch_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'patch-' || lpad(n::text, 9, '0') $$;

-- As messages write times; pgbench would take the colons for variables.
CREATE FUNCTION written(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION diff_of(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '--- a/app/search.py' || E'\n+++ b/app/search.py\n@@ -12 +12 @@\n-    run("' || n || '" % term)\n+    run("' || n || '", term)\n'
$$;

-- From a line to more than the list shows (200 characters).
CREATE FUNCTION summary_of(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'input reaches statement number ' || n || left(
    ', because a value that any client may send is put between quotes without being escaped, so that whoever sends one reads and '
    'writes what the application may read and write; releases before the one named are affected in their default settings',
    (n * 31 % 211)::int)
$$;

-- One of so many by chance, independent of every other choice.
CREATE FUNCTION choose(many int, what text, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (hashtextextended(what || n, 0) & 1073741823) % many
$$;
CREATE FUNCTION pick(from_these text[], what text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT from_these[1 + choose(cardinality(from_these), what, n)]
$$;

CREATE FUNCTION made(first bigint, last bigint, waiting boolean)
RETURNS TABLE (n bigint, patch_id text, apv_id text, cve_id text, state text, patch_digest bytea, evidence_digest bytea, severity text,
               risk text, confidence double precision, prediction boolean, received_at timestamptz, reasons text)
LANGUAGE sql STABLE AS $$
SELECT n, patch_name(n) AS patch_id, 'APV-' || n AS apv_id, 'CVE-2026-' || 10000 + choose(cves(), 'cve', n) AS cve_id,
       CASE WHEN n % 10 = 0 THEN 'pending' WHEN n % 10 = 1 THEN 'rejected' WHEN n % 10 = 2 THEN 'expired'
            ELSE 'approved' END AS state,
       sha256(convert_to(diff_of(n), 'UTF8')) AS patch_digest, sha256(n::text::bytea) AS evidence_digest,
       pick(ARRAY['low', 'medium', 'high', 'critical', 'high', 'medium', 'medium'], 'severity', n) AS severity,
       pick(ARRAY['low', 'medium', 'high', 'low', 'low'], 'risk', n) AS risk,
       round((0.5 + (n * 7919 % 4500) / 10000.0)::numeric, 4)::float8 AS confidence, n % 13 <> 0 AS prediction,
       CASE WHEN waiting THEN now() - n % 518400 * interval '1 second'
            ELSE now() - interval '7 days' - n % 83 * interval '1 day' - n % 86400 * interval '1 second' END AS received_at,
       '[{"rule":"confidence","outcome":"failed","detail":"below 0.95","distance":0.04}]' AS reasons
  FROM generate_series(first, last) AS n
 WHERE (n % 10 = 0) = waiting
$$;

-- Triggers are off meanwhile: the list of reviews is written by the function that the migration uses.
CREATE PROCEDURE fill(first bigint, last bigint, waiting boolean) LANGUAGE sql AS $$
INSERT INTO patch (patch_id, apv_id, cve_id, home, state, approved_by, seq, version, patch_digest, evidence_digest, severity, risk,
                   ml_confidence, ml_prediction, policy_version, reasons, received_at, changed_at, opened_at, expires_at)
SELECT patch_id, apv_id, cve_id, (n % 4)::int, state, CASE WHEN state = 'approved' THEN 'policy' END, (state <> 'pending')::int, 1,
       patch_digest, evidence_digest, severity, risk, confidence, prediction, 1, CASE WHEN state <> 'approved' THEN reasons END,
       received_at, received_at, CASE WHEN state <> 'approved' THEN received_at END,
       CASE WHEN state <> 'approved' THEN received_at + interval '7 days' END
  FROM made(first, last, waiting) AS x;
INSERT INTO review (patch_id, round, review_id, opened_at, source, author, package, ecosystem, language, strategy, cwe_ids, summary)
SELECT patch_id, 1, gen_random_uuid(), received_at, '/wargaming/crisol', 'eureka', 'package-' || choose(packages(), 'package', n),
       pick(ARRAY['PyPI', 'npm', 'Go', 'Maven', 'Debian'], 'ecosystem', n), pick(ARRAY['Python', 'TypeScript', 'Go', 'Java', 'C'], 'language', n),
       pick(ARRAY['code_patch', 'dependency_upgrade', 'waf_rule'], 'strategy', n),
       ARRAY['CWE-' || pick(ARRAY['89', '79', '22', '78', '502', '918', '352', '787', '611', '400'], 'cwe', n)], summary_of(n)
  FROM made(first, last, waiting) AS x WHERE state <> 'approved';
INSERT INTO evidence (patch_id, source, event_id, round, topic, partition, record_offset, patch_digest, payload_sha256, payload,
                      received_at, author)
SELECT patch_id, '/wargaming/crisol', 'wr-' || n, 1, 'wargaming.results', (n % 4)::int, n, patch_digest, sha256(payload), payload,
       received_at, 'eureka'
  FROM (SELECT x.*, convert_to(json_build_object(
          'patch_id', patch_id, 'apv_id', apv_id, 'cve_id', cve_id,
          'vulnerability', json_build_object('severity', severity, 'cwe_ids', ARRAY['CWE-89'], 'summary', summary_of(n),
            'cvss_score', 8.2, 'cvss_vector', 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:L/A:N'),
          'patch', json_build_object('diff', diff_of(n), 'strategy', 'code_patch', 'risk', risk, 'author', 'eureka', 'flagged', false),
          'wargame', json_build_object('run_id', 'run-' || n, 'status', 'passed', 'method', 'wargaming', 'exploits', json_build_array(
            json_build_object('exploit_id', 'cwe_89', 'phase1_exploit_worked', true, 'phase2_exploit_worked', false)),
            'expected_results', 1, 'duration_ms', 64, 'executed_at', '2026-11-23T08:15:03.990Z'),
          'ml', json_build_object('prediction', prediction, 'confidence', confidence, 'model_version', 'rf_v1'))::text, 'UTF8') AS payload
          FROM made(first, last, waiting) AS x) AS y;
INSERT INTO decision (patch_id, seq, round, decision_id, apv_id, cve_id, decision, mode, decided_by, reasons, policy_version, patch_digest,
                      evidence_digest, ml_confidence, ml_prediction, decided_at, valid_until, synthetic)
SELECT patch_id, 1, 1, gen_random_uuid(), apv_id, cve_id, state, CASE WHEN state = 'rejected' THEN 'human' ELSE 'policy' END,
       CASE WHEN state = 'rejected' THEN 'reviewer-' || n % 20 ELSE 'policy' END, reasons, 1, patch_digest, evidence_digest, confidence,
       prediction, received_at + interval '3 minutes', CASE WHEN state = 'approved' THEN received_at + interval '400 days' END, false
  FROM made(first, last, waiting) AS x WHERE state <> 'pending';
INSERT INTO action (at, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version)
SELECT received_at, 'review_opened', patch_id, 1, 1, patch_digest, evidence_digest, 1
  FROM made(first, last, waiting) AS x WHERE state <> 'approved';
SELECT write_queue(array_agg(patch_id)) FROM made(first, last, waiting) AS x WHERE waiting;
$$;

CREATE PROCEDURE add_up() LANGUAGE sql AS $$
INSERT INTO tally
SELECT (received_at AT TIME ZONE 'UTC')::date, severity, state, approved_by, count(*) FROM patch GROUP BY 1, 2, 3, 4;
INSERT INTO decision_time
SELECT (decided_at AT TIME ZONE 'UTC')::date, 'high', 103, count(*), 180.0 * count(*) FROM decision WHERE mode = 'human' GROUP BY 1;
$$;
