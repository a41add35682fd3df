-- People: who may do what, who an author is, who voted, who holds a review. What must never happen is refused here: the
-- sidecar's role writes nothing about a patch by itself any more, it calls the functions below.

-- who may ------------------------------------------------------------------------------------------------------------
CREATE TABLE access_group_role (
  group_name text        NOT NULL COLLATE "C" CHECK (length(group_name) BETWEEN 1 AND 255),
  role       text        NOT NULL CHECK (role IN ('viewer', 'reviewer', 'policy-admin', 'auditor', 'break-glass', 'gate', 'smoke')),
  granted_by text        NOT NULL,
  granted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_name, role)
);
COMMENT ON TABLE access_group_role IS 'Which group of the identity provider has which role. Read inside every deciding transaction.';

CREATE TABLE author (
  source    text        NOT NULL COLLATE "C" CHECK (length(source) BETWEEN 1 AND 255),
  name      text        NOT NULL COLLATE "C" CHECK (name <> ''),
  person    text        COLLATE "C" CHECK (person <> ''),
  mapped_by text        NOT NULL,
  mapped_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, name)
);
COMMENT ON TABLE author IS 'Who an author is, by source (a glob, * crosses everything): a person, or a machine where person is NULL.';
INSERT INTO author (source, name, mapped_by) VALUES ('/wargaming/*', 'eureka', 'migration');

CREATE TABLE approval_rule (
  class  text PRIMARY KEY CHECK (class IN ('critical', 'high', 'medium', 'low')),
  needed int  NOT NULL CHECK (needed BETWEEN 1 AND 10)
);
COMMENT ON TABLE approval_rule IS 'How many different reviewers a class needs, by the higher of severity and risk; unknown counts as high, none as low.';
INSERT INTO approval_rule VALUES ('critical', 2), ('high', 1), ('medium', 1), ('low', 1);

-- Who made it, as the result says; '' where it says nothing, NULL where 0.1.0 wrote the row.
ALTER TABLE evidence ADD COLUMN author text;

-- what people do -----------------------------------------------------------------------------------------------------
CREATE TABLE vote (
  patch_id        text        NOT NULL COLLATE "C",
  round           int         NOT NULL,
  evidence_digest bytea       NOT NULL CHECK (length(evidence_digest) = 32),
  person          text        NOT NULL COLLATE "C" CHECK (person NOT IN ('', 'policy')),
  groups          text[]      NOT NULL,
  at              timestamptz NOT NULL,
  seq             int         NOT NULL,
  patch_digest    bytea       NOT NULL CHECK (length(patch_digest) = 32),
  policy_version  int         NOT NULL,
  comment         text,
  role            text        NOT NULL,
  token_id        text,
  request_id      text,
  break_glass     boolean     NOT NULL DEFAULT false,
  PRIMARY KEY (patch_id, round, seq, evidence_digest, person, break_glass)
);
COMMENT ON TABLE vote IS 'Approvals of persons, on what they saw: new evidence is another digest, and these count no longer. seq is the decision they are for: a review that opens again starts anew. Append-only; a row is its own audit entry.';

CREATE TABLE claim (
  patch_id   text        PRIMARY KEY COLLATE "C",
  round      int         NOT NULL,
  person     text        NOT NULL COLLATE "C",
  claimed_at timestamptz NOT NULL,
  until      timestamptz NOT NULL CHECK (until > claimed_at)
);
COMMENT ON TABLE claim IS 'Which reviewer holds a review, and until when. Nothing that a decision rests on.';

CREATE TABLE idempotency (
  person         text        NOT NULL COLLATE "C",
  key            text        NOT NULL COLLATE "C" CHECK (length(key) BETWEEN 1 AND 255),
  request_sha256 bytea       NOT NULL CHECK (length(request_sha256) = 32),
  status         int         NOT NULL CHECK (status BETWEEN 200 AND 299),
  etag           text,
  answer         bytea       NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (person, key)
);
COMMENT ON TABLE idempotency IS 'What was answered to a request with an Idempotency-Key, written in the transaction of what it did. Kept for 24 hours.';
CREATE INDEX idempotency_created ON idempotency USING brin (created_at);
-- In this order, each with what is committed by then: whoever has the lock sees what was answered before.
-- Two keys of 32 bits are another space than that of the other locks; two that meet by chance wait for one another. What is older
-- than it is kept for is gone, whether or not the duty has been here.
CREATE FUNCTION find_answer(wanted_person text, wanted_key text)
RETURNS TABLE (held boolean, request_sha256 bytea, status int, etag text, answer bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  too_old boolean;
BEGIN
  held := pg_try_advisory_xact_lock(hashtext(wanted_person), hashtext(wanted_key));
  IF held THEN
    SELECT i.request_sha256, i.status, i.etag, i.answer, i.created_at < now() - interval '24 hours'
      INTO request_sha256, status, etag, answer, too_old
      FROM idempotency AS i WHERE i.person = wanted_person AND i.key = wanted_key;
    IF too_old THEN
      DELETE FROM idempotency AS i WHERE i.person = wanted_person AND i.key = wanted_key;
      request_sha256 := NULL; status := NULL; etag := NULL; answer := NULL;
    END IF;
  END IF;
  RETURN NEXT;
END $$;

CREATE TABLE look (
  patch_id        text        NOT NULL COLLATE "C",
  person          text        NOT NULL COLLATE "C",
  version         bigint      NOT NULL,
  round           int         NOT NULL,
  seq             int         NOT NULL,
  evidence_digest bytea       NOT NULL CHECK (length(evidence_digest) = 32),
  at              timestamptz NOT NULL DEFAULT clock_timestamp(),
  token_id        text,
  request_id      text,
  PRIMARY KEY (patch_id, person, version)
);
COMMENT ON TABLE look IS 'Who read which version of a patch, and when first. Append-only; what changed since somebody looked is told by it.';

-- how many --------------------------------------------------------------------------------------------------------------
-- Counted where it happens, by rows that are only ever added, so that nobody waits for anybody; a duty adds them up.
CREATE TABLE tally (
  day         date   NOT NULL,
  severity    text,
  state       text   NOT NULL,
  approved_by text,
  patches     bigint NOT NULL
);
COMMENT ON TABLE tally IS 'How many patches (without synthetic ones) were first received on a day (UTC), as they stand now: the sum of patches. Rows may be negative.';
CREATE TABLE decision_time (
  day       date             NOT NULL,
  severity  text,
  bucket    int              NOT NULL,
  decisions bigint           NOT NULL,
  seconds   double precision NOT NULL
);
CREATE TABLE activity (
  day     date   NOT NULL,
  kind    text   NOT NULL CHECK (kind IN ('opened', 'approved_by_policy', 'approved_by_people', 'rejected', 'expired', 'revoked')),
  entries bigint NOT NULL
);
COMMENT ON TABLE activity IS 'How many reviews were opened, and patches decided (without synthetic ones), on a day (UTC): the sum of entries.';
COMMENT ON TABLE decision_time IS 'How long human approvals and rejections of a day (UTC) took from opened_at: bucket n holds those from exp(n/20) to exp((n+1)/20) seconds.';

CREATE FUNCTION count_new_patches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO tally
  SELECT (received_at AT TIME ZONE 'UTC')::date, severity, state, approved_by, count(*)
    FROM after WHERE NOT synthetic GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE FUNCTION count_changed_patches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO tally
  SELECT (received_at AT TIME ZONE 'UTC')::date, severity, state, approved_by, sum(n)
    FROM (SELECT received_at, severity, state, approved_by, 1 AS n FROM after WHERE NOT synthetic
          UNION ALL
          SELECT received_at, severity, state, approved_by, -1 FROM before WHERE NOT synthetic) AS x
   GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
  RETURN NULL;
END $$;
CREATE FUNCTION count_gone_patches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO tally
  SELECT (received_at AT TIME ZONE 'UTC')::date, severity, state, approved_by, -count(*)
    FROM before WHERE NOT synthetic GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE FUNCTION activity_of(decision text, mode text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN decision <> 'approved' THEN decision WHEN mode = 'policy' THEN 'approved_by_policy' ELSE 'approved_by_people' END
$$;
CREATE FUNCTION count_decisions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO activity
  SELECT (decided_at AT TIME ZONE 'UTC')::date, activity_of(decision, mode), count(*)
    FROM after WHERE NOT synthetic GROUP BY 1, 2;
  RETURN NULL;
END $$;
CREATE FUNCTION count_reviews() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO activity
  SELECT (now() AT TIME ZONE 'UTC')::date, 'opened', count(*) FROM after WHERE NOT synthetic HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER count_new AFTER INSERT ON patch REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_patches();
CREATE TRIGGER count_changed AFTER UPDATE ON patch REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION count_changed_patches();
CREATE TRIGGER count_gone AFTER DELETE ON patch REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION count_gone_patches();
CREATE TRIGGER count AFTER INSERT ON decision REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION count_decisions();
INSERT INTO tally
SELECT (received_at AT TIME ZONE 'UTC')::date, severity, state, approved_by, count(*)
  FROM patch WHERE NOT synthetic GROUP BY 1, 2, 3, 4;
INSERT INTO activity
SELECT (decided_at AT TIME ZONE 'UTC')::date, activity_of(decision, mode), count(*)
  FROM decision WHERE NOT synthetic GROUP BY 1, 2;
INSERT INTO activity
SELECT (r.opened_at AT TIME ZONE 'UTC')::date, 'opened', count(*)
  FROM review AS r JOIN patch AS p USING (patch_id) WHERE NOT p.synthetic GROUP BY 1;
INSERT INTO decision_time
SELECT (d.decided_at AT TIME ZONE 'UTC')::date, p.severity, floor(20 * ln(greatest(s.seconds, 0.001)))::int, count(*), sum(s.seconds)
  FROM decision AS d
  JOIN patch AS p ON p.patch_id = d.patch_id AND p.round = d.round AND p.opened_at IS NOT NULL
 CROSS JOIN LATERAL (SELECT extract(epoch FROM d.decided_at - p.opened_at)::float8 AS seconds) AS s
 WHERE d.mode = 'human' AND d.decision IN ('approved', 'rejected') AND NOT d.synthetic
   AND s.seconds >= 0  -- of a review that was opened again since, nobody knows when it was opened first
 GROUP BY 1, 2, 3;

-- Adds up what was counted: as many rows as there are days, severities and states, whatever was going on.
CREATE FUNCTION add_up_tallies() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (
    DELETE FROM tally
     WHERE day IN (SELECT day FROM tally GROUP BY day
                   HAVING count(*) > 20 + count(DISTINCT (severity, state, approved_by))) RETURNING *),
  kept AS (
    INSERT INTO tally SELECT day, severity, state, approved_by, sum(patches) FROM gone GROUP BY 1, 2, 3, 4 HAVING sum(patches) <> 0),
  gone_times AS (
    DELETE FROM decision_time
     WHERE day IN (SELECT day FROM decision_time GROUP BY day HAVING count(*) > 20 + count(DISTINCT (severity, bucket))) RETURNING *),
  kept_times AS (
    INSERT INTO decision_time SELECT day, severity, bucket, sum(decisions), sum(seconds) FROM gone_times GROUP BY 1, 2, 3),
  gone_activity AS (
    DELETE FROM activity
     WHERE day IN (SELECT day FROM activity GROUP BY day HAVING count(*) > 20 + count(DISTINCT kind)) RETURNING *),
  kept_activity AS (
    INSERT INTO activity SELECT day, kind, sum(entries) FROM gone_activity GROUP BY 1, 2)
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM gone_times) + (SELECT count(*) FROM gone_activity)
$$;

-- what waits -------------------------------------------------------------------------------------------------------------
-- What a patch mends is what its results say: one of them may name another apv_id than the first, and then a rejection or an
-- approval of the patch stands in the way of that one too.
CREATE TABLE other_apv (
  apv_id   text COLLATE "C",
  patch_id text COLLATE "C",
  PRIMARY KEY (apv_id, patch_id)
);
COMMENT ON TABLE other_apv IS 'Every apv_id that a result of a patch named beside that of its first, which stands in patch.';
CREATE INDEX other_apv_patch ON other_apv (patch_id);
CREATE FUNCTION forget_other_apvs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM other_apv WHERE patch_id IN (SELECT patch_id FROM before);
  RETURN NULL;
END $$;
CREATE TRIGGER forget_others AFTER DELETE ON patch REFERENCING OLD TABLE AS before
  FOR EACH STATEMENT EXECUTE FUNCTION forget_other_apvs();

-- A tag as it is stored and looked for: by the database's own rules for upper and lower case, whichever column it comes from, and no
-- longer than an index takes.
CREATE FUNCTION tag_of(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT left(lower(given COLLATE "default"), 300)
$$;
-- One row per open review, kept by triggers, with what a list is filtered and sorted by, and all that it shows: a page of fifty
-- reads one table. Everything that is equal or not is a tag: one index finds any combination of them.
CREATE TABLE queue (
  patch_id        text        PRIMARY KEY COLLATE "C",
  apv_id          text        NOT NULL COLLATE "C",
  cve_id          text        COLLATE "C",
  package         text        COLLATE "C",
  package_tag     text        COLLATE "C" GENERATED ALWAYS AS (tag_of('package:' || package)) STORED,
  cve_tag         text        COLLATE "C" GENERATED ALWAYS AS (tag_of('cve:' || cve_id)) STORED,
  tags            text[]      NOT NULL COLLATE "C",
  ml_confidence   double precision NOT NULL,
  severity_points int         NOT NULL,
  risk_points     int         NOT NULL,
  doubt_points    int         NOT NULL,
  priority        int         NOT NULL GENERATED ALWAYS AS (severity_points + risk_points + doubt_points) STORED,
  opened_at       timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  round           int         NOT NULL,
  version         bigint      NOT NULL,
  severity        text,
  risk            text,
  ml_prediction   boolean,
  reasons         text,
  synthetic       boolean     NOT NULL,
  ecosystem       text,
  language        text,
  strategy        text,
  cwe_ids         text[],
  summary         text,
  authors         text[]
);
COMMENT ON TABLE queue IS 'Open reviews by what they are filtered and sorted by, and what a list shows of them; ml_confidence is -1 where there is none, authors are pairs of source and name. A copy: what decides stands in patch.';

-- What kind of weakness it is, for those who do not know the numbers (https://cwe.mitre.org).
CREATE FUNCTION cwe_class(cwe text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN cwe IN ('cwe-89', 'cwe-564') THEN 'sqli'
    WHEN cwe IN ('cwe-79', 'cwe-80', 'cwe-83', 'cwe-87') THEN 'xss'
    WHEN cwe IN ('cwe-77', 'cwe-78', 'cwe-88') THEN 'command_injection'
    WHEN cwe IN ('cwe-74', 'cwe-94', 'cwe-95', 'cwe-96', 'cwe-1336') THEN 'code_injection'
    WHEN cwe IN ('cwe-22', 'cwe-23', 'cwe-36', 'cwe-59', 'cwe-73') THEN 'path_traversal'
    WHEN cwe = 'cwe-918' THEN 'ssrf'
    WHEN cwe = 'cwe-352' THEN 'csrf'
    WHEN cwe = 'cwe-502' THEN 'deserialization'
    WHEN cwe IN ('cwe-611', 'cwe-776') THEN 'xxe'
    WHEN cwe IN ('cwe-119', 'cwe-120', 'cwe-121', 'cwe-122', 'cwe-125', 'cwe-190', 'cwe-191', 'cwe-415', 'cwe-416', 'cwe-476', 'cwe-787')
      THEN 'memory'
    WHEN cwe IN ('cwe-269', 'cwe-284', 'cwe-285', 'cwe-287', 'cwe-306', 'cwe-639', 'cwe-862', 'cwe-863') THEN 'access_control'
    WHEN cwe IN ('cwe-200', 'cwe-209', 'cwe-532') THEN 'information_disclosure'
    WHEN cwe IN ('cwe-400', 'cwe-407', 'cwe-674', 'cwe-770', 'cwe-835', 'cwe-1333') THEN 'denial_of_service'
    WHEN cwe IN ('cwe-295', 'cwe-326', 'cwe-327', 'cwe-330', 'cwe-338', 'cwe-347') THEN 'cryptography'
    WHEN cwe = 'cwe-601' THEN 'open_redirect'
    WHEN cwe = 'cwe-434' THEN 'file_upload'
    ELSE 'other' END
$$;

-- Words and tags are made by the same rules when they are stored and when they are looked for.
-- Loops over expressions: a query per review would cost ten times as much.
CREATE FUNCTION words_of(said text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  words text[] := '{}';
  word text;
BEGIN
  FOREACH word IN ARRAY coalesce((regexp_split_to_array(lower(left(said, 2000)), '[^[:alnum:]]+'))[1:100], '{}') LOOP
    IF length(word) > 1 THEN
      words := words || ('word:' || left(word, 100));
    END IF;
  END LOOP;
  RETURN words;
END $$;
CREATE FUNCTION tags_of(given text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  tags text[] := '{}';
  tag text;
BEGIN
  FOREACH tag IN ARRAY coalesce(given, '{}') LOOP
    IF tag IS NOT NULL AND NOT tag_of(tag) = ANY (tags) THEN
      tags := tags || tag_of(tag);
    END IF;
  END LOOP;
  RETURN tags;
END $$;
CREATE FUNCTION queue_tags(p patch, r review) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  tags text[] := ARRAY['severity:' || coalesce(p.severity, 'unknown'), 'risk:' || coalesce(p.risk, 'unknown'),
                       'prediction:' || coalesce(p.ml_prediction::text, 'unknown'), 'package:' || r.package,
                       'ecosystem:' || r.ecosystem, 'language:' || r.language, 'strategy:' || r.strategy, 'cve:' || p.cve_id];
  part text;
BEGIN
  FOREACH part IN ARRAY r.cwe_ids[1:50] LOOP
    tags := tags || ARRAY['cwe:' || part, 'cwe_class:' || cwe_class(lower(part))];
  END LOOP;
  -- Inside of a JSON text a quotation mark has a backslash before it: these are the members and nothing else.
  FOREACH part IN ARRAY (string_to_array(coalesce(p.reasons, ''), '"rule":"'))[2:] LOOP
    tags := tags || ('reason:' || split_part(part, '"', 1));
  END LOOP;
  RETURN tags_of(tags) || words_of(r.summary);
END $$;
-- Whether somebody has approved what stands there now; whether that counts is found out when it is asked.
CREATE FUNCTION approval_tag(p patch) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE WHEN EXISTS (SELECT FROM vote v WHERE v.patch_id = p.patch_id AND v.round = p.round AND v.seq = p.seq + 1
                              AND v.evidence_digest = p.evidence_digest)
              THEN ARRAY['approvals:some'] ELSE '{}' END;
END $$;

-- What a review's priority is the sum of; what nobody knows counts nearly as much as high.
CREATE FUNCTION severity_points(said text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE coalesce(said, 'unknown') WHEN 'critical' THEN 50 WHEN 'high' THEN 40 WHEN 'unknown' THEN 35 WHEN 'medium' THEN 20
                                        WHEN 'low' THEN 10 ELSE 0 END
$$;
CREATE FUNCTION risk_points(said text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE coalesce(said, 'unknown') WHEN 'critical' THEN 30 WHEN 'high' THEN 20 WHEN 'unknown' THEN 15 WHEN 'medium' THEN 10 ELSE 0 END
$$;

CREATE FUNCTION write_queue(changed text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM queue AS q USING patch AS p
   WHERE q.patch_id = ANY (changed) AND p.patch_id = q.patch_id AND p.state <> 'pending';
  INSERT INTO queue AS q (patch_id, apv_id, cve_id, package, tags, ml_confidence, severity_points, risk_points, doubt_points,
                          opened_at, expires_at, round, version, severity, risk, ml_prediction, reasons, synthetic,
                          ecosystem, language, strategy, cwe_ids, summary, authors)
  SELECT p.patch_id, p.apv_id, p.cve_id, r.package, t.tags, coalesce(p.ml_confidence, -1),
         severity_points(p.severity), risk_points(p.risk),
         10 * ('reason:not_flagged' = ANY (t.tags))::int + 5 * ('reason:wargame_passed' = ANY (t.tags))::int
           + 5 * ('reason:prediction' = ANY (t.tags))::int,
         p.opened_at, p.expires_at, p.round, p.version, p.severity, p.risk, p.ml_prediction, p.reasons, p.synthetic,
         r.ecosystem, r.language, r.strategy, r.cwe_ids, left(r.summary, 200),
         (SELECT array_agg(ARRAY[n.source, n.name] ORDER BY n.source, n.name) FROM names_of_round(p.patch_id, p.round) AS n)
    FROM patch AS p
    JOIN review AS r ON r.patch_id = p.patch_id AND r.round = p.round
   CROSS JOIN LATERAL (SELECT queue_tags(p, r) || approval_tag(p) AS tags OFFSET 0) AS t
   WHERE p.patch_id = ANY (changed) AND p.state = 'pending'
   ORDER BY p.patch_id
  ON CONFLICT (patch_id) DO UPDATE
     SET cve_id = excluded.cve_id, package = excluded.package, tags = excluded.tags, ml_confidence = excluded.ml_confidence,
         severity_points = excluded.severity_points, risk_points = excluded.risk_points, doubt_points = excluded.doubt_points,
         opened_at = excluded.opened_at, expires_at = excluded.expires_at, round = excluded.round, version = excluded.version,
         severity = excluded.severity, risk = excluded.risk, ml_prediction = excluded.ml_prediction, reasons = excluded.reasons,
         synthetic = excluded.synthetic, ecosystem = excluded.ecosystem, language = excluded.language,
         strategy = excluded.strategy, cwe_ids = excluded.cwe_ids, summary = excluded.summary, authors = excluded.authors
   WHERE (q.*) IS DISTINCT FROM (excluded.*);
END $$;
CREATE FUNCTION follow_reviews() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  changed text[] := (SELECT array_agg(patch_id) FROM after);
BEGIN
  IF changed IS NOT NULL THEN
    PERFORM write_queue(changed);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION follow_patches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  changed text[] := (SELECT array_agg(a.patch_id) FROM after AS a JOIN before AS b USING (patch_id)
                      WHERE 'pending' IN (a.state, b.state));
BEGIN
  IF changed IS NOT NULL THEN
    PERFORM write_queue(changed);
  END IF;
  RETURN NULL;
END $$;
-- A result of what waits already may name another author. It comes after its patch, and row by row: results are large. Without
-- an author it may be an older worker's, who is looked for in the result.
CREATE FUNCTION follow_evidence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  shown text[];
  known text[];
BEGIN
  SELECT authors INTO shown FROM queue WHERE patch_id = NEW.patch_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF NEW.author IS NOT NULL AND shown IS NOT NULL THEN
    FOREACH known SLICE 1 IN ARRAY shown LOOP
      IF known IS NOT DISTINCT FROM ARRAY[NEW.source, nullif(NEW.author, '')] THEN
        RETURN NULL;
      END IF;
    END LOOP;
  END IF;
  PERFORM write_queue(ARRAY[NEW.patch_id]);
  RETURN NULL;
END $$;
CREATE TRIGGER follow AFTER INSERT ON evidence FOR EACH ROW EXECUTE FUNCTION follow_evidence();
CREATE TRIGGER follow_new AFTER INSERT ON review REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION follow_reviews();
CREATE TRIGGER follow_changed AFTER UPDATE ON review REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION follow_reviews();
CREATE TRIGGER follow_changed AFTER UPDATE ON patch REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION follow_patches();
CREATE INDEX queue_tags ON queue USING gin (tags);
CREATE INDEX queue_priority ON queue ((-priority), patch_id);
CREATE INDEX queue_severity ON queue ((-severity_points), patch_id);
-- Severity and risk are what the priority is made of: without these a page of what is low would be looked for among all that is not.
CREATE INDEX queue_severity_priority ON queue (severity_points, (-priority), patch_id);
CREATE INDEX queue_risk_priority ON queue (risk_points, (-priority), patch_id);
CREATE INDEX queue_confidence ON queue (ml_confidence, patch_id);
CREATE INDEX queue_opened ON queue (opened_at, patch_id);
CREATE INDEX queue_expires ON queue (expires_at, patch_id);
CREATE INDEX queue_apv ON queue (apv_id);
-- Of one package or one CVE are few, all over the table: found, counted and sorted without a look at their rows.
CREATE INDEX queue_cve ON queue (cve_tag)
  INCLUDE (patch_id, priority, severity_points, ml_confidence, opened_at, expires_at) WHERE cve_tag IS NOT NULL;
CREATE INDEX queue_package ON queue (package_tag)
  INCLUDE (patch_id, priority, severity_points, ml_confidence, opened_at, expires_at) WHERE package_tag IS NOT NULL;

-- Whether a review is among those asked for: all of these tags, of each of these lists at least one, and within these bounds.
-- A plain expression without a query in it, so that the planner looks into it and finds the indexes.
CREATE FUNCTION is_wanted(q queue, every text[], one_of text[], one_of_2 text[], one_of_3 text[], confidence_min double precision,
                          confidence_max double precision, opened_before timestamptz, starts text, said text,
                          among text[], but_for text[], severity text, risk text, package text, cve text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (package IS NULL OR q.package_tag = tag_of('package:' || package)) AND (cve IS NULL OR q.cve_tag = tag_of('cve:' || cve))
     AND (severity IS NULL OR q.severity_points = severity_points(severity)) AND (risk IS NULL OR q.risk_points = risk_points(risk))
     AND (every = '{}' OR q.tags @> tags_of(every)) AND (one_of = '{}' OR q.tags && tags_of(one_of))
     AND (one_of_2 = '{}' OR q.tags && tags_of(one_of_2)) AND (one_of_3 = '{}' OR q.tags && tags_of(one_of_3))
     AND (confidence_min IS NULL OR q.ml_confidence >= confidence_min)
     AND (confidence_max IS NULL OR q.ml_confidence <= confidence_max)
     AND (opened_before IS NULL OR q.opened_at <= opened_before)
     AND (starts IS NULL OR q.patch_id LIKE starts OR q.apv_id LIKE starts
          OR q.cve_tag LIKE lower('cve:' || starts) OR q.package_tag LIKE lower('package:' || starts)
          OR (words_of(said) <> '{}' AND q.tags @> words_of(said)))
     AND (among IS NULL OR q.patch_id = ANY (among)) AND (but_for IS NULL OR q.patch_id <> ALL (but_for))
$$;

-- questions ----------------------------------------------------------------------------------------------------------
CREATE FUNCTION matches(glob text, value text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT value LIKE replace(replace(replace(replace(glob, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%')
$$;

-- Every author that a result of a round names.
CREATE FUNCTION names_of_round(wanted_patch_id text, wanted_round int) RETURNS TABLE (source text, name text) LANGUAGE sql STABLE AS $$
  SELECT DISTINCT e.source, nullif(CASE WHEN e.author IS NOT NULL THEN e.author
                                        ELSE convert_from(e.payload, 'UTF8')::json #>> '{patch,author}' END, '')
    FROM evidence e WHERE e.patch_id = wanted_patch_id AND e.round = wanted_round
$$;
DO $$ BEGIN PERFORM write_queue(array_agg(patch_id)) FROM patch WHERE state = 'pending'; END $$;

-- Who each of them is: a person, a machine (known, NULL), or nobody knows.
CREATE FUNCTION round_authors(wanted_patch_id text, wanted_round int)
RETURNS TABLE (source text, name text, known boolean, person text)
LANGUAGE sql STABLE AS $$
  SELECT DISTINCT a.source, a.name, m.source IS NOT NULL, m.person
    FROM names_of_round(wanted_patch_id, wanted_round) a
    LEFT JOIN author m ON matches(m.source, a.source) AND m.name = a.name
$$;

CREATE FUNCTION class_of(severity text, risk text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (ARRAY['low', 'medium', 'high', 'critical'])[greatest(
           coalesce(array_position(ARRAY['low', 'medium', 'high', 'critical'], replace(severity, 'none', 'low')), 3),
           coalesce(array_position(ARRAY['low', 'medium', 'high', 'critical'], risk), 3))]
$$;
CREATE FUNCTION approval_class(p patch) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT class_of(p.severity, p.risk) $$;

-- What is asked of a row again and again is PL/pgSQL: a session keeps its plans, where a function in SQL is planned at every call.
-- A list is planned for the values at hand, and what it shows of each row is not.
CREATE FUNCTION has_unknown_author(p patch) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM round_authors(p.patch_id, p.round) WHERE NOT known);
END $$;

CREATE FUNCTION is_own(p patch, who text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM round_authors(p.patch_id, p.round) a WHERE a.person = who OR (NOT a.known AND a.name = who));
END $$;

-- A class that has no rule needs more than there are; an author whom nobody knows costs one more.
CREATE FUNCTION approvals_of(wanted_class text, has_unknown boolean) RETURNS int
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN coalesce((SELECT needed FROM approval_rule WHERE class = wanted_class), 10) + has_unknown::int;
END $$;

CREATE FUNCTION approvals_needed(p patch) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN approvals_of(approval_class(p), has_unknown_author(p));
END $$;

-- The same of what a list shows: by the authors that its row names, the results are not read.
CREATE FUNCTION approvals_shown(q queue) RETURNS int LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN approvals_of(class_of(q.severity, q.risk), EXISTS (
    SELECT FROM generate_subscripts(q.authors, 1) AS n
     WHERE NOT EXISTS (SELECT FROM author m WHERE matches(m.source, q.authors[n][1]) AND m.name = q.authors[n][2])));
END $$;
CREATE FUNCTION voters_shown(q queue) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF 'approvals:some' = ANY (q.tags) THEN
    RETURN (SELECT voters(p) FROM patch p WHERE p.patch_id = q.patch_id);
  END IF;
  RETURN '{}';
END $$;

CREATE FUNCTION has_role(groups text[], wanted text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM access_group_role WHERE group_name = ANY (groups) AND role = wanted);
END $$;

-- what a person does -------------------------------------------------------------------------------------------------
-- Refusals say what they are by SQLSTATE: HT401 must log in again, HT403 not allowed, HT404 unknown, HT409 not possible now,
-- HT410 without a diff, HT412 not what was seen, HT422 wrong. Every function locks the patch first, as batches and duties do.
CREATE FUNCTION refuse(status text, why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', why USING ERRCODE = 'HT' || status;
END $$;

CREATE FUNCTION lock_patch(wanted_patch_id text) RETURNS SETOF patch
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT * FROM patch WHERE patch_id = wanted_patch_id FOR UPDATE;
END $$;

-- The locked row, if this person may do this to it now.
CREATE FUNCTION admit(wanted_patch_id text, seen_version bigint, who text, groups text[], wanted_role text, states text[])
RETURNS patch LANGUAGE plpgsql AS $$
DECLARE p patch;
BEGIN
  -- The grant stays locked until the decision is committed: when it could be taken away, nothing is decided by it any more.
  PERFORM FROM access_group_role WHERE group_name = ANY (groups) AND role = wanted_role FOR KEY SHARE;
  IF NOT FOUND OR coalesce(who, '') IN ('', 'policy') THEN
    PERFORM refuse('403', 'this needs role ' || wanted_role);
  END IF;
  SELECT * INTO p FROM patch WHERE patch_id = wanted_patch_id FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM refuse('404', 'there is no such patch');
  ELSIF p.version IS DISTINCT FROM seen_version THEN
    PERFORM refuse('412', 'the patch is at version ' || p.version);
  ELSIF NOT p.state = ANY (states) THEN
    PERFORM refuse('409', 'the patch is ' || p.state);
  END IF;
  RETURN p;
END $$;

-- The claim in force on the open round, if there is one.
CREATE FUNCTION holder(p patch) RETURNS claim LANGUAGE sql STABLE AS $$
  SELECT * FROM claim c
   WHERE c.patch_id = p.patch_id AND c.round = p.round AND c.until > clock_timestamp() AND p.state = 'pending'
$$;

CREATE FUNCTION admit_without_version(wanted_patch_id text, who text, groups text[], wanted_role text, states text[])
RETURNS patch LANGUAGE sql AS $$
  SELECT admit(wanted_patch_id, (SELECT version FROM lock_patch(wanted_patch_id)), who, groups, wanted_role, states)
$$;

CREATE FUNCTION is_past_retention(p patch) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM evidence e WHERE e.patch_id = p.patch_id AND e.round = p.round AND e.payload IS NULL);
END $$;

-- Whoever works on a review holds it on.
CREATE FUNCTION renew_claim(wanted_patch_id text, who text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE claim SET until = clock_timestamp() + interval '15 minutes'
   WHERE patch_id = wanted_patch_id AND person = who AND until > clock_timestamp()
     AND round = (SELECT round FROM patch WHERE patch_id = wanted_patch_id);
END $$;

-- A reason that nobody can see is none: controls, white space and what has no width, as sidecar/words.py has them.
CREATE FUNCTION must_say_why(said text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF said IS NULL OR said !~ ('[^\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f'
    '\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]') THEN
    PERFORM refuse('422', 'this needs a reason');
  END IF;
END $$;

CREATE FUNCTION must_be_now(p patch, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF moment IS NULL OR moment < p.changed_at OR moment > greatest(clock_timestamp(), p.changed_at) THEN
    PERFORM refuse('422', 'this is not dated now');
  END IF;
END $$;

CREATE FUNCTION note(p patch, what text, who text, said_role text, said text, moment timestamptz, token text, request text, more json)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO action (at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
                      justification, request_id, detail)
  VALUES (moment, who, said_role, token, what, p.patch_id, p.round, p.seq + 1, p.patch_digest, p.evidence_digest,
          p.policy_version, said, request, more);
END $$;

-- Approvals count while who gave them may still give them: the role was not taken away, and they turned out to be no author.
CREATE FUNCTION votes_in_force(p patch) RETURNS SETOF vote LANGUAGE sql STABLE AS $$
  SELECT v.*
    FROM vote v
   WHERE v.patch_id = p.patch_id AND v.round = p.round AND v.seq = p.seq + 1 AND v.evidence_digest = p.evidence_digest
     AND v.patch_digest = p.patch_digest AND has_role(v.groups, v.role) AND NOT is_own(p, v.person)
$$;

CREATE FUNCTION voters(p patch) RETURNS text[] LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN (SELECT coalesce(array_agg(person ORDER BY at, person), '{}')
            FROM (SELECT v.person, min(v.at) AS at FROM votes_in_force(p) AS v GROUP BY v.person) AS x);
END $$;

-- Breaking the glass lifts the count, and not what an author whom nobody knows costs: it could be who breaks it.
CREATE FUNCTION has_quorum(p patch) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN cardinality(voters(p)) >= approvals_needed(p)
      OR (EXISTS (SELECT FROM votes_in_force(p) WHERE break_glass) AND cardinality(voters(p)) >= 1 + has_unknown_author(p)::int);
END $$;

-- Until an approval is committed nobody changes how many it needs, or who an author is: whoever changes that takes the lock alone,
-- and when they have it, nothing is approved by what was before.
CREATE FUNCTION hold_rules() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7523672661590565754);
END $$;

-- An approval of one person, on exactly what was seen; nobody approves what is theirs, and nobody twice. Only where the approvals
-- became enough after they were given (an author is known now, fewer are needed, a role was given back) may one who gave theirs say
-- it again, which concludes. What is critical, and the glass, need a person who has just shown who they are.
CREATE FUNCTION cast_vote(wanted_patch_id text, seen_version bigint, who text, groups text[], said text, glass boolean,
                          authenticated timestamptz, token text, request text)
RETURNS TABLE (approvers text[], needed int, complete boolean, version bigint, at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  p patch := admit(wanted_patch_id, seen_version, who, groups, CASE WHEN glass THEN 'break-glass' ELSE 'reviewer' END, '{pending}');
  moment timestamptz := greatest(clock_timestamp(), p.changed_at);
  again boolean;
BEGIN
  PERFORM hold_rules();
  again := EXISTS (SELECT FROM vote AS v WHERE v.patch_id = p.patch_id AND v.round = p.round AND v.seq = p.seq + 1
                      AND v.evidence_digest = p.evidence_digest AND v.person = who AND v.break_glass = glass);
  IF p.patch_digest IS NULL THEN
    PERFORM refuse('410', 'there is no diff to approve');
  ELSIF is_own(p, who) THEN
    PERFORM refuse('403', 'nobody approves a patch of their own');
  ELSIF again AND NOT (who = ANY (voters(p)) AND has_quorum(p)) THEN
    PERFORM refuse('409', who || ' approved this already'
      || CASE WHEN who = ANY (voters(p)) THEN '' ELSE ', by a role that was taken away since: it needs somebody else' END);
  ELSIF is_past_retention(p) THEN
    PERFORM refuse('410', 'its evidence is past its retention: nobody can see what is to be approved');
  ELSIF (glass OR approval_class(p) = 'critical') AND coalesce(authenticated, '-infinity') < clock_timestamp() - interval '5 minutes' THEN
    PERFORM refuse('401', 'log in again: what is critical needs a login of the last 5 minutes');
  END IF;
  IF glass THEN
    PERFORM must_say_why(said);
    PERFORM note(p, 'glass_broken', who, 'break-glass', said, moment, token, request, NULL);
  END IF;
  IF NOT again THEN
    INSERT INTO vote VALUES (p.patch_id, p.round, p.evidence_digest, who, groups, moment, p.seq + 1, p.patch_digest, p.policy_version,
                             said, CASE WHEN glass THEN 'break-glass' ELSE 'reviewer' END, token, request, glass);
    UPDATE patch SET version = patch.version + 1, changed_at = moment WHERE patch.patch_id = p.patch_id RETURNING * INTO p;
    -- Whoever gave theirs has no part in what is left of it: held on, it would be kept from those who have.
    DELETE FROM claim WHERE claim.patch_id = p.patch_id AND claim.person = who;
  END IF;
  RETURN QUERY SELECT voters(p), approvals_needed(p), has_quorum(p), p.version, moment;
END $$;

CREATE FUNCTION digest_text(raw bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT 'sha256:' || encode(raw, 'hex') $$;
CREATE FUNCTION moment_text(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Exactly one message, written as messages are written, and saying exactly this; nothing twice, nothing beside it, no headers.
CREATE FUNCTION must_say(messages bytea[], topic text, wanted_key text, wanted_type text, id uuid, at timestamptz, wanted jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  told json;
BEGIN
  IF array_ndims(messages) IS DISTINCT FROM 1 OR array_lower(messages, 1) IS DISTINCT FROM 1 OR cardinality(messages) IS DISTINCT FROM 4
     OR messages[1] IS DISTINCT FROM topic::bytea OR messages[2] IS DISTINCT FROM convert_to(wanted_key, 'UTF8') OR messages[4] IS NOT NULL THEN
    PERFORM refuse('422', 'there is exactly one message, on ' || topic || ', under its patch, without headers');
  END IF;
  told := convert_from(messages[3], 'UTF8')::json;
  IF (told::jsonb - 'data') IS DISTINCT FROM jsonb_build_object(
       'specversion', '1.0', 'id', id, 'source', '/hitl-stream', 'type', wanted_type, 'subject', wanted_key,
       'time', moment_text(at), 'datacontenttype', 'application/json')
     OR (told -> 'data')::jsonb IS DISTINCT FROM wanted
     OR (SELECT count(*) FROM json_object_keys(told)) <> 8
     OR (SELECT count(*) FROM json_object_keys(told -> 'data')) <> (SELECT count(*) FROM jsonb_object_keys(wanted)) THEN
    PERFORM refuse('422', 'the message says something else than what is recorded');
  END IF;
END $$;

-- Writes the decision that the row and its votes lead to, and its messages, which must say the same.
CREATE FUNCTION conclude(p patch, said_decision text, id uuid, who text, said text, presets text[], reasons text, moment timestamptz,
                         ends_at timestamptz, deployed_as text, said_role text, token text, request text, messages bytea[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  d decision;
  took double precision;
BEGIN
  INSERT INTO decision (patch_id, seq, round, decision_id, apv_id, cve_id, decision, mode, decided_by, approvers, comment, reasons,
                        reject_reasons, policy_version, patch_digest, evidence_digest, ml_confidence, ml_prediction, decided_at,
                        valid_until, deployed, synthetic, role, token_id, request_id)
  VALUES (p.patch_id, p.seq + 1, p.round, id, p.apv_id, p.cve_id, said_decision, 'human', who,
          CASE WHEN said_decision = 'approved' THEN voters(p) ELSE '{}' END, said, reasons, presets, p.policy_version,
          p.patch_digest, p.evidence_digest, p.ml_confidence, p.ml_prediction, moment, ends_at, deployed_as, p.synthetic,
          said_role, token, request)
  RETURNING * INTO d;
  PERFORM must_say(messages, 'decisions', p.patch_id, 'hitl.decision.v1', d.decision_id, d.decided_at, jsonb_build_object(
    'decision_id', d.decision_id, 'patch_id', d.patch_id, 'apv_id', d.apv_id, 'cve_id', d.cve_id, 'round', d.round, 'seq', d.seq,
    'decision', d.decision, 'mode', d.mode, 'decided_by', d.decided_by, 'approvers', d.approvers, 'comment', d.comment,
    'reasons', d.reasons::jsonb, 'reject_reasons', d.reject_reasons, 'policy_version', d.policy_version,
    'patch_digest', digest_text(d.patch_digest), 'evidence_digest', digest_text(d.evidence_digest), 'ml_confidence', d.ml_confidence,
    'ml_prediction', d.ml_prediction, 'decided_at', moment_text(d.decided_at), 'valid_until', moment_text(d.valid_until),
    'deployed', d.deployed, 'synthetic', d.synthetic));
  UPDATE patch SET state = said_decision, approved_by = CASE WHEN said_decision = 'approved' THEN 'human' END, seq = d.seq,
                   version = patch.version + 1, changed_at = moment
   WHERE patch.patch_id = p.patch_id;
  INSERT INTO outbox (shard, messages) VALUES (p.home, conclude.messages);
  IF said_decision IN ('approved', 'rejected') AND NOT p.synthetic THEN
    took := extract(epoch FROM moment - p.opened_at);
    INSERT INTO decision_time
    VALUES ((moment AT TIME ZONE 'UTC')::date, p.severity, floor(20 * ln(greatest(took, 0.001)))::int, 1, took);
  END IF;
END $$;

CREATE FUNCTION conclude_approval(wanted_patch_id text, seen_version bigint, id uuid, who text, groups text[], said text,
                                  moment timestamptz, ends_at timestamptz, token text, request text, messages bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p patch;
  v vote;
BEGIN
  PERFORM hold_rules();
  SELECT * INTO p FROM patch WHERE patch_id = wanted_patch_id FOR UPDATE;
  SELECT * INTO v FROM vote WHERE vote.patch_id = p.patch_id AND round = p.round AND seq = p.seq + 1
                               AND evidence_digest = p.evidence_digest AND person = who AND has_role(conclude_approval.groups, vote.role)
                             ORDER BY vote.at DESC LIMIT 1;
  PERFORM FROM access_group_role AS a
    WHERE EXISTS (SELECT FROM vote WHERE vote.patch_id = p.patch_id AND vote.seq = p.seq + 1 AND a.group_name = ANY (vote.groups) AND a.role = vote.role)
      FOR KEY SHARE OF a;
  IF v.person IS NULL OR is_own(p, who) THEN
    PERFORM refuse('403', 'only who voted concludes');
  ELSIF p.version IS DISTINCT FROM seen_version THEN
    PERFORM refuse('412', 'the patch is at version ' || p.version);
  ELSIF p.state <> 'pending' OR has_quorum(p) IS NOT TRUE THEN
    PERFORM refuse('409', 'there are ' || cardinality(voters(p)) || ' of ' || approvals_needed(p) || ' approvals');
  ELSIF ends_at > moment + interval '366 days' THEN
    PERFORM refuse('422', 'an approval ends within a year');
  END IF;
  PERFORM must_be_now(p, moment);
  PERFORM conclude(p, 'approved', id, who, said, '{}', coalesce(p.reasons, '[]'), moment, ends_at, NULL, v.role, token, request, messages);
END $$;

CREATE FUNCTION reject_by_person(wanted_patch_id text, seen_version bigint, id uuid, who text, groups text[], said text,
                                 presets text[], moment timestamptz, token text, request text, messages bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE p patch := admit(wanted_patch_id, seen_version, who, groups, 'reviewer', '{pending}');
BEGIN
  PERFORM must_say_why(said);
  PERFORM must_be_now(p, moment);
  PERFORM conclude(p, 'rejected', id, who, said, presets, coalesce(p.reasons, '[]'), moment, NULL, NULL, 'reviewer', token, request, messages);
END $$;

CREATE FUNCTION revoke_by_person(wanted_patch_id text, seen_version bigint, id uuid, who text, groups text[], said text,
                                 deployed_as text, moment timestamptz, token text, request text, messages bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE p patch := admit(wanted_patch_id, seen_version, who, groups, 'reviewer', '{approved}');
BEGIN
  PERFORM must_say_why(said);
  PERFORM must_be_now(p, moment);
  PERFORM conclude(p, 'revoked', id, who, said, '{}', '[]', moment, NULL, deployed_as, 'reviewer', token, request, messages);
  IF deployed_as = 'yes' THEN
    PERFORM note(p, 'revoked_after_deployment', 'policy', NULL, 'this artefact is deployed and no longer stands approved', moment, NULL, NULL,
                 NULL);
  END IF;
END $$;

-- An expired review waits again, for the same artefact and a whole time limit.
CREATE FUNCTION reopen_by_person(wanted_patch_id text, seen_version bigint, id uuid, who text, groups text[], said text,
                                 moment timestamptz, limit_at timestamptz, token text, request text, messages bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p patch := admit(wanted_patch_id, seen_version, who, groups, 'reviewer', '{expired}');
BEGIN
  PERFORM must_say_why(said);
  PERFORM must_be_now(p, moment);
  IF EXISTS (SELECT FROM evidence e WHERE e.patch_id = p.patch_id AND e.round = p.round AND e.received_at > p.changed_at) THEN
    PERFORM refuse('409', 'evidence came that its card does not show');
  ELSIF is_past_retention(p) THEN
    PERFORM refuse('410', 'its evidence is past its retention');
  END IF;
  IF limit_at <= moment OR limit_at > moment + interval '366 days' THEN
    PERFORM refuse('422', 'the time limit is within a year');
  END IF;
  UPDATE patch SET state = 'pending', version = patch.version + 1, changed_at = moment, opened_at = moment, expires_at = limit_at
   WHERE patch.patch_id = p.patch_id;
  UPDATE review SET review_id = id, opened_at = moment WHERE review.patch_id = p.patch_id AND review.round = p.round;
  PERFORM note(p, 'reopened', who, 'reviewer', said, moment, token, request, NULL);
  PERFORM must_say(messages, 'pending_review', p.patch_id, 'hitl.pending-review.v1', id, moment, jsonb_build_object(
    'review_id', id, 'patch_id', p.patch_id, 'apv_id', p.apv_id, 'cve_id', p.cve_id, 'round', p.round, 'severity', p.severity,
    'risk', p.risk, 'ml_confidence', p.ml_confidence, 'ml_prediction', p.ml_prediction, 'reasons', coalesce(p.reasons, '[]')::jsonb,
    'policy_version', p.policy_version, 'patch_digest', digest_text(p.patch_digest), 'evidence_digest', digest_text(p.evidence_digest),
    'expires_at', moment_text(limit_at), 'opened_at', moment_text(moment), 'seq', p.seq + 1, 'synthetic', p.synthetic));
  INSERT INTO outbox (shard, messages) VALUES (p.home, reopen_by_person.messages);
END $$;

-- A claim is a courtesy among reviewers: it is shown, and decides nothing. Taking one over needs a reason.
CREATE FUNCTION claim_by_person(wanted_patch_id text, who text, groups text[], said text, take_over boolean, token text, request text)
RETURNS claim LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p patch := admit_without_version(wanted_patch_id, who, groups, 'reviewer', '{pending}');
  held claim := holder(p);
  moment timestamptz := clock_timestamp();
  c claim;
BEGIN
  IF held.person <> who AND NOT take_over THEN
    PERFORM refuse('409', held.person || ' holds it until ' || to_char(held.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
  ELSIF held.person <> who THEN
    PERFORM must_say_why(said);
  END IF;
  INSERT INTO claim AS old VALUES (p.patch_id, p.round, who, moment, moment + interval '15 minutes')
  ON CONFLICT (patch_id) DO UPDATE
     SET round = p.round, person = who, until = excluded.until,
         claimed_at = CASE WHEN held.person = who THEN old.claimed_at ELSE moment END
  RETURNING * INTO c;
  IF held.person IS DISTINCT FROM who THEN
    PERFORM note(p, CASE WHEN held.person IS NULL THEN 'claimed' ELSE 'claim_taken_over' END, who, 'reviewer', said, moment, token,
                 request, json_build_object('from', held.person, 'until', c.until));
  END IF;
  RETURN c;
END $$;

CREATE FUNCTION release_by_person(wanted_patch_id text, who text, groups text[], token text, request text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p patch := admit_without_version(wanted_patch_id, who, groups, 'reviewer', '{collecting,pending,approved,rejected,expired,revoked}');
  held claim := holder(p);
BEGIN
  IF held.person IS DISTINCT FROM who THEN
    PERFORM refuse('409', coalesce(held.person || ' holds it', 'nobody holds it'));
  END IF;
  DELETE FROM claim WHERE claim.patch_id = p.patch_id;
  PERFORM note(p, 'released', who, 'reviewer', NULL, clock_timestamp(), token, request, NULL);
END $$;

-- Whether somebody else has looked at why this glass was broken.
CREATE FUNCTION is_reviewed(broken action) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM action AS r
                  WHERE r.patch_id = broken.patch_id AND r.action = 'glass_reviewed' AND r.at >= broken.at AND r.actor <> broken.actor);
END $$;

-- Who broke the glass for this patch and was not reviewed yet, the last one first.
CREATE FUNCTION glass_unreviewed(p patch) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ARRAY(SELECT b.actor FROM action AS b
                WHERE b.patch_id = p.patch_id AND b.action = 'glass_broken' AND NOT is_reviewed(b) ORDER BY b.at DESC);
END $$;

-- A comment; or, of somebody else than who broke it, the review that a broken glass needs afterwards.
CREATE FUNCTION comment_by_person(wanted_patch_id text, who text, groups text[], said text, of_glass boolean, token text, request text)
RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  p patch := admit_without_version(wanted_patch_id, who, groups, 'reviewer', '{collecting,pending,approved,rejected,expired,revoked}');
  moment timestamptz := clock_timestamp();
  broken_by text[] := CASE WHEN of_glass THEN glass_unreviewed(p) END;
BEGIN
  PERFORM must_say_why(said);
  IF broken_by = '{}' THEN
    PERFORM refuse('409', 'there is no broken glass to review');
  ELSIF broken_by <@ ARRAY[who] THEN
    PERFORM refuse('403', 'somebody else reviews who broke the glass');
  END IF;
  PERFORM renew_claim(p.patch_id, who);
  PERFORM note(p, CASE WHEN of_glass THEN 'glass_reviewed' ELSE 'commented' END, who, 'reviewer', said, moment, token, request, NULL);
  RETURN moment;
END $$;

-- what happens now ----------------------------------------------------------------------------------------------------
-- Told to whoever listens, and forgotten after an hour. A cursor is a snapshot: what it does not see and is committed is new,
-- in whatever order transactions began.
CREATE TABLE change (
  xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind     text        NOT NULL CHECK (kind IN ('review_opened', 'review_changed', 'decision_made', 'claim_changed')),
  patch_id text        NOT NULL COLLATE "C",
  tags     text[]      COLLATE "C"
);
COMMENT ON COLUMN change.tags IS 'What the review was filtered by, before and after; NULL where it is in no list: that concerns everybody.';
CREATE INDEX change_xid ON change (xid);
CREATE INDEX change_at ON change USING brin (at);
CREATE TABLE change_forgotten (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  xid xid8    NOT NULL DEFAULT '0'
);
COMMENT ON TABLE change_forgotten IS 'The latest transaction of which a change was forgotten: a cursor that may not have seen it has a gap behind it.';
INSERT INTO change_forgotten DEFAULT VALUES;
CREATE TABLE feedback (
  id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL DEFAULT now(),
  person text        NOT NULL,
  text   text        NOT NULL,
  page   text        NOT NULL,
  build  text        NOT NULL
);
COMMENT ON TABLE feedback IS 'What people said about the console.';
CREATE TABLE person (
  subject text PRIMARY KEY,
  name    text NOT NULL CHECK (name <> '' AND length(name) <= 200),
  alike   text NOT NULL
);
COMMENT ON TABLE person IS 'What the identity provider calls people. Decides nothing: what is recorded names the subject.';
COMMENT ON COLUMN person.alike IS 'The same for names that look alike.';
CREATE INDEX person_alike ON person (alike);
CREATE TABLE live_ticket (
  ticket_sha256 bytea       PRIMARY KEY CHECK (length(ticket_sha256) = 32),
  person        text        NOT NULL,
  groups        text[]      NOT NULL,
  expires_at    timestamptz NOT NULL,
  until         timestamptz NOT NULL
);
COMMENT ON TABLE live_ticket IS 'Who may listen: good once, for half a minute, and until the token that it was got with ends.';

CREATE FUNCTION tell_of_new_reviews() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO change (kind, patch_id, tags) SELECT 'review_opened', patch_id, tags FROM after;
  RETURN NULL;
END $$;
-- Whoever sees only some reviews hears of one that leaves these, too.
CREATE FUNCTION tell_of_changed_reviews() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO change (kind, patch_id, tags)
  SELECT 'review_changed', patch_id, CASE WHEN a.tags = b.tags THEN a.tags ELSE a.tags || b.tags END
    FROM after AS a JOIN before AS b USING (patch_id);
  RETURN NULL;
END $$;
-- What policy approves by itself was in nobody's list, and there is too much of it.
CREATE FUNCTION tell_of_decisions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO change (kind, patch_id, tags)
  SELECT 'decision_made', a.patch_id, q.tags
    FROM after AS a LEFT JOIN queue AS q ON q.patch_id = a.patch_id
   WHERE a.mode = 'human' OR a.decision <> 'approved';
  RETURN NULL;
END $$;
CREATE FUNCTION tell_of_claims() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'UPDATE' OR NEW.person <> OLD.person OR NEW.round <> OLD.round OR NEW.claimed_at <> OLD.claimed_at THEN
    INSERT INTO change (kind, patch_id, tags)
    SELECT 'claim_changed', c.patch_id, q.tags
      FROM (SELECT coalesce(NEW.patch_id, OLD.patch_id) AS patch_id) AS c LEFT JOIN queue AS q ON q.patch_id = c.patch_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER tell_new AFTER INSERT ON queue REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_new_reviews();
CREATE TRIGGER count_new AFTER INSERT ON queue REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION count_reviews();
CREATE TRIGGER tell_changed AFTER UPDATE ON queue REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_changed_reviews();
CREATE TRIGGER tell AFTER INSERT ON decision REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_decisions();
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON claim FOR EACH ROW EXECUTE FUNCTION tell_of_claims();
CREATE FUNCTION forget_changes(older_than interval, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM live_ticket WHERE expires_at < now();
  WITH gone AS (
    DELETE FROM change
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM change WHERE at < now() - greatest(older_than, interval '1 hour') LIMIT at_most))
    RETURNING xid),
  noted AS (
    UPDATE change_forgotten SET xid = latest
      FROM (SELECT xid AS latest FROM gone ORDER BY xid DESC LIMIT 1) AS x WHERE latest > change_forgotten.xid)
  SELECT count(*) FROM gone
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vote FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON look FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX decision_at ON decision (decided_at);
CREATE INDEX patch_cve ON patch (cve_id, id) WHERE cve_id IS NOT NULL;
-- What policy does by itself is most of it, and found by its time.
CREATE INDEX decision_person ON decision (decided_by, decided_at) WHERE decided_by <> 'policy';
CREATE INDEX decision_kind ON decision (decision, decided_at) WHERE decision <> 'approved';
CREATE INDEX decision_policy_version ON decision (policy_version, decided_at);
CREATE INDEX action_policy_version ON action (policy_version, at) WHERE policy_version IS NOT NULL;
CREATE INDEX action_kind ON action (action, at) WHERE action <> 'review_opened';
CREATE INDEX action_by_time ON action (at);
CREATE INDEX action_person ON action (actor, at) WHERE actor <> 'policy';
CREATE INDEX action_glass ON action (patch_id, at) WHERE action IN ('glass_broken', 'glass_reviewed');
CREATE INDEX vote_at ON vote (at);
CREATE INDEX look_at ON look (at);
CREATE INDEX look_person ON look (person, at);
DROP INDEX decision_decided, action_at;

-- The gate believes a patch's row only if nothing was decided since what the row names.
CREATE OR REPLACE FUNCTION gate(wanted_patch_id text, wanted_digest bytea)
RETURNS TABLE (deployable boolean, reason text, decision_id uuid, decided_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT v.reason = 'approved', v.reason,
         CASE WHEN v.reason = 'approved' THEN v.decision_id END,
         CASE WHEN v.reason = 'approved' THEN v.decided_at END,
         CASE WHEN v.reason = 'approved' THEN v.valid_until END
    FROM (SELECT 1) one
    LEFT JOIN patch p ON p.patch_id = wanted_patch_id
    LEFT JOIN decision d ON d.patch_id = p.patch_id AND d.seq = p.seq AND d.round = p.round
    CROSS JOIN LATERAL (SELECT d.decision_id, d.decided_at, d.valid_until, CASE
      WHEN p.patch_id IS NULL THEN 'unknown_patch'
      WHEN wanted_digest IS NULL THEN 'digest_required'
      WHEN p.state = 'collecting' THEN 'collecting'
      WHEN p.state = 'pending' THEN 'pending_review'
      WHEN p.state <> 'approved' THEN p.state
      WHEN d.decision IS DISTINCT FROM 'approved' OR d.mode IS DISTINCT FROM p.approved_by THEN 'no_decision'
      WHEN EXISTS (SELECT FROM decision later WHERE later.patch_id = p.patch_id AND later.seq > p.seq) THEN 'no_decision'
      WHEN p.patch_digest IS DISTINCT FROM wanted_digest OR d.patch_digest IS DISTINCT FROM wanted_digest THEN 'wrong_digest'
      WHEN p.synthetic OR d.synthetic THEN 'synthetic'
      WHEN d.valid_until IS NULL OR d.valid_until <= clock_timestamp() THEN 'approval_ended'
      ELSE 'approved' END AS reason) v
$$;

-- What goes with a patch when its time is over.
CREATE OR REPLACE FUNCTION forget_old_patches(older_than interval, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT set_config('hitl.retention', 'on', true);
  WITH old AS (
    SELECT p.patch_id FROM patch p
     WHERE p.received_at < now() - greatest(older_than, interval '7 years')
       AND p.changed_at  < now() - greatest(older_than, interval '7 years')
       AND p.state NOT IN ('collecting', 'pending')
       AND NOT EXISTS (SELECT FROM decision d WHERE d.patch_id = p.patch_id
                         AND d.decided_at >= now() - greatest(older_than, interval '7 years'))
       AND NOT EXISTS (SELECT FROM action a WHERE a.patch_id = p.patch_id
                         AND a.at >= now() - greatest(older_than, interval '7 years'))
       AND NOT EXISTS (SELECT FROM look l WHERE l.patch_id = p.patch_id
                         AND l.at >= now() - greatest(older_than, interval '7 years'))
     LIMIT at_most FOR UPDATE SKIP LOCKED),
  d1 AS (DELETE FROM evidence     WHERE patch_id IN (SELECT patch_id FROM old)),
  d2 AS (DELETE FROM outcome      WHERE patch_id IN (SELECT patch_id FROM old)),
  d3 AS (DELETE FROM decision     WHERE patch_id IN (SELECT patch_id FROM old)),
  d4 AS (DELETE FROM action       WHERE patch_id IN (SELECT patch_id FROM old)),
  d5 AS (DELETE FROM review       WHERE patch_id IN (SELECT patch_id FROM old)),
  d6 AS (DELETE FROM round_closed WHERE patch_id IN (SELECT patch_id FROM old)),
  d7 AS (DELETE FROM vote         WHERE patch_id IN (SELECT patch_id FROM old)),
  d8 AS (DELETE FROM claim        WHERE patch_id IN (SELECT patch_id FROM old)),
  d9 AS (DELETE FROM look         WHERE patch_id IN (SELECT patch_id FROM old)),
  gone AS (DELETE FROM patch WHERE patch_id IN (SELECT patch_id FROM old) RETURNING 1)
  SELECT count(*) FROM gone
$$;
CREATE FUNCTION forget_answers(older_than interval, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (
    DELETE FROM idempotency
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency
                              WHERE created_at < now() - greatest(older_than, interval '24 hours') LIMIT at_most))
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- what others read ---------------------------------------------------------------------------------------------------
-- A vote is its own audit entry; the one that completed an approval is told by the decision. (at, key) names an entry.
-- One view for each table, so that a page is read along each one's own index.
CREATE VIEW decision_entry AS
  SELECT decided_at AS at, decided_by AS actor, coalesce(role, mode) AS role, token_id, decision AS action, patch_id,
         round, seq, patch_digest, evidence_digest, policy_version, comment AS justification, request_id,
         jsonb_build_object('decision_id', decision_id, 'reasons', reasons::jsonb, 'approvers', approvers) AS detail,
         0::bigint AS id, ('d' || patch_id || ' ' || seq) COLLATE "C" AS key
    FROM decision;
CREATE VIEW action_entry AS
  SELECT at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
         justification, request_id, detail::jsonb, id, ('a' || lpad(id::text, 19, '0')) COLLATE "C" AS key
    FROM action;
CREATE VIEW vote_entry AS
  SELECT v.at, v.person COLLATE "default" AS actor, v.role, v.token_id, 'approval_given' AS action, v.patch_id, v.round, v.seq,
         v.patch_digest, v.evidence_digest, v.policy_version, v.comment AS justification, v.request_id,
         jsonb_build_object('break_glass', v.break_glass) AS detail, 0::bigint AS id,
         ('v' || v.patch_id || ' ' || v.seq || ' ' || v.person) COLLATE "C" AS key
    FROM vote v
   WHERE NOT EXISTS (SELECT FROM decision d WHERE d.patch_id = v.patch_id AND d.seq = v.seq AND d.decision = 'approved'
                        AND d.decided_by = v.person AND d.decided_at = v.at);
CREATE OR REPLACE VIEW audit_entry AS
  SELECT * FROM decision_entry UNION ALL SELECT * FROM action_entry UNION ALL SELECT * FROM vote_entry;

-- Whether an entry is among those asked for, and behind the last one of the page before. A plain expression, as is_wanted. Every
-- comparison has the collation of its column: with another one no index is found.
CREATE FUNCTION is_asked_for(at timestamptz, key text, patch_id text, actor text, action text, policy_version int,
                             last_at timestamptz, last_key text, of_patch text, of_actor text, of_action text, of_version int,
                             since timestamptz, until timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT at <= last_at AND (at < last_at OR key < last_key)
     AND (of_patch IS NULL OR patch_id = of_patch) AND (of_actor IS NULL OR actor = of_actor COLLATE "default")
     AND (of_action IS NULL OR action = of_action COLLATE "default") AND (of_version IS NULL OR policy_version = of_version)
     AND (since IS NULL OR at >= since) AND (until IS NULL OR at < until)
$$;

-- sessions -----------------------------------------------------------------------------------------------------------
-- A client that stands still between two statements of a transaction loses its session after idle_in_transaction_session_timeout.
-- One that stands still within a COPY, or between the preparation of a statement and its execution, never does: no time-out of Postgres
-- applies there, and it keeps its locks. No statement of these processes may take 20 s, so that whoever is silent in one for longer
-- gave it up itself, or is frozen. The owner of this function must be a member of the logins that it ends, or of pg_signal_backend
-- and pg_read_all_stats; else it ends nothing.
CREATE FUNCTION end_silent_sessions() RETURNS SETOF int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT pid
    FROM (SELECT pid
            FROM pg_stat_activity
           WHERE datname = current_database() AND application_name IN ('hitl-worker', 'hitl-scheduler', 'hitl-sidecar')
             AND state = 'active' AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - interval '30 seconds'
             AND (pg_has_role(usesysid, 'USAGE')
                  OR pg_has_role('pg_signal_backend', 'USAGE') AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = usesysid))
          OFFSET 0) AS silent
   WHERE pg_terminate_backend(pid)
$$;

-- outbox -------------------------------------------------------------------------------------------------------------
-- 0.1.0 put dead letters among the decisions of their shard, and where their topic takes nothing, these wait behind them. They go
-- to the shards that dead letters have now (store/outbox.py, LETTERS), under the ids they had, so that their order stays.
DO $$
DECLARE
  r       outbox;
  letters bytea[];
  others  bytea[];
BEGIN
  FOR r IN SELECT * FROM outbox WHERE shard < 1862340480 AND 'dead_letters'::bytea = ANY (messages) LOOP
    SELECT array_agg(part ORDER BY place) FILTER (WHERE topic = 'dead_letters'),
           array_agg(part ORDER BY place) FILTER (WHERE topic <> 'dead_letters')
      INTO letters, others
      FROM (SELECT part, place, first_value(part) OVER (PARTITION BY (place - 1) / 4 ORDER BY place) AS topic
              FROM unnest(r.messages) WITH ORDINALITY AS m (part, place)) AS parts;
    CONTINUE WHEN letters IS NULL;  -- it was a key
    INSERT INTO outbox (shard, id, messages, created_at) OVERRIDING SYSTEM VALUE
    VALUES (1862340480 + r.shard, r.id, letters, r.created_at);
    IF others IS NULL THEN
      DELETE FROM outbox WHERE shard = r.shard AND id = r.id;
    ELSE
      UPDATE outbox SET messages = others WHERE shard = r.shard AND id = r.id;
    END IF;
  END LOOP;
END $$;

-- grants -------------------------------------------------------------------------------------------------------------
-- Whatever is not granted below is for these functions themselves; the gate may be asked by everybody.
DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT oid FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND proowner = current_user::regrole AND proname NOT IN ('gate', 'refuse_change') LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION forget_answers(interval, int), forget_changes(interval, int), add_up_tallies() TO hitl_scheduler;
GRANT EXECUTE ON FUNCTION end_silent_sessions() TO hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator;
GRANT EXECUTE ON FUNCTION
  find_answer(text, text),
  words_of(text),
  tag_of(text),
  tags_of(text[]),
  is_wanted(queue, text[], text[], text[], text[], double precision, double precision, timestamptz, text, text, text[], text[], text, text, text, text),
  severity_points(text),
  risk_points(text),
  is_asked_for(timestamptz, text, text, text, text, int, timestamptz, text, text, text, text, int, timestamptz, timestamptz),
  matches(text, text),
  names_of_round(text, int),
  round_authors(text, int),
  class_of(text, text),
  approval_class(patch),
  has_unknown_author(patch),
  approvals_shown(queue),
  voters_shown(queue),
  is_reviewed(action),
  glass_unreviewed(patch),
  is_own(patch, text),
  votes_in_force(patch),
  approvals_of(text, boolean),
  approvals_needed(patch),
  has_role(text[], text),
  lock_patch(text),
  holder(patch),
  renew_claim(text, text),
  voters(patch),
  has_quorum(patch),
  cast_vote(text, bigint, text, text[], text, boolean, timestamptz, text, text),
  conclude_approval(text, bigint, uuid, text, text[], text, timestamptz, timestamptz, text, text, bytea[]),
  reject_by_person(text, bigint, uuid, text, text[], text, text[], timestamptz, text, text, bytea[]),
  revoke_by_person(text, bigint, uuid, text, text[], text, text, timestamptz, text, text, bytea[]),
  reopen_by_person(text, bigint, uuid, text, text[], text, timestamptz, timestamptz, text, text, bytea[]),
  claim_by_person(text, text, text[], text, boolean, text, text),
  release_by_person(text, text, text[], text, text),
  comment_by_person(text, text, text[], text, boolean, text, text) TO hitl_sidecar;
REVOKE INSERT, UPDATE ON patch, decision, outbox FROM hitl_sidecar;
REVOKE ALL ON decision_entry, action_entry, vote_entry FROM PUBLIC;
GRANT SELECT ON decision_entry, action_entry, vote_entry TO hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator;
REVOKE ALL ON access_group_role, author, approval_rule, vote, claim, idempotency, look, tally, decision_time, activity, queue, change,
  change_forgotten, live_ticket, feedback, person, other_apv FROM PUBLIC;
GRANT SELECT ON access_group_role, author, approval_rule, vote, claim, look, tally, decision_time, activity, queue, change,
  change_forgotten, other_apv TO hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator;
GRANT INSERT ON other_apv TO hitl_worker;
GRANT SELECT, INSERT ON idempotency TO hitl_sidecar;
GRANT SELECT, INSERT, DELETE ON live_ticket TO hitl_sidecar;
GRANT INSERT (person, text, page, build) ON feedback TO hitl_sidecar;
GRANT SELECT ON feedback TO hitl_operator;
GRANT SELECT, INSERT, UPDATE ON person TO hitl_sidecar;
GRANT SELECT, DELETE ON person TO hitl_operator;
GRANT INSERT (patch_id, person, version, round, seq, evidence_digest, token_id, request_id) ON look TO hitl_sidecar;
GRANT INSERT, DELETE ON access_group_role TO hitl_operator;
GRANT INSERT, UPDATE, DELETE ON author TO hitl_operator;
GRANT UPDATE (needed) ON approval_rule TO hitl_operator;
