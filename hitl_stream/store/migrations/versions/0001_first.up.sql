-- The first schema. One database is one tenant and one environment; everything lives in schema public.
-- Text keys are COLLATE "C": the order of locks must be the same in SQL and in Python, and bytes compare faster.
-- No foreign keys on the hot tables: a check per row costs more than the insert; what they would guard is guarded by
-- the grants (only the product writes, nobody deletes) and by the checker. See docs/decisions/0003.

-- roles ------------------------------------------------------------------------------------------------------------
-- Roles belong to the whole cluster: another database may have made them, or be making them at this moment. A user who
-- is not superuser needs CREATEROLE, or a DBA who creates the four and grants them with SET beforehand. From Postgres 16
-- on a creator may administer a role but not yet take it on, so membership is asked for in the words of the version.
DO $$
DECLARE
  r text;
  may_become text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  FOREACH r IN ARRAY ARRAY['hitl_worker', 'hitl_scheduler', 'hitl_sidecar', 'hitl_operator'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', r);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, r, may_become) THEN
      BEGIN
        EXECUTE format('GRANT %I TO %I', r, current_user);
      EXCEPTION WHEN unique_violation THEN NULL;
      END;
    END IF;
  END LOOP;
END $$;

-- positions and ownership --------------------------------------------------------------------------------------------
CREATE TABLE consumer_position (
  cluster_id  text   NOT NULL COLLATE "C",
  topic       text   NOT NULL COLLATE "C",
  partition   int    NOT NULL CHECK (partition >= 0),
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  epoch       bigint NOT NULL DEFAULT 0,
  owner       text   NOT NULL DEFAULT '',
  topic_id    text,
  moved_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (cluster_id, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE consumer_position IS 'How far each partition is recorded. Moved by the first writing statement of every batch.';

CREATE TABLE outbox_shard (
  shard      int    PRIMARY KEY CHECK (shard >= 0),
  epoch      bigint NOT NULL DEFAULT 0,
  owner      text   NOT NULL DEFAULT '',
  claimed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE outbox_shard IS 'Who publishes which shard. A shard is the home partition of its patches.';

CREATE TABLE outbox (
  shard      int         NOT NULL,
  id         bigint      GENERATED ALWAYS AS IDENTITY,
  messages   bytea[]     NOT NULL CHECK (cardinality(messages) > 0 AND cardinality(messages) % 4 = 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE outbox IS 'Messages recorded but not yet acknowledged by the broker: four array elements each (logical topic, key, value, headers as JSON or NULL), in publishing order.';

-- policy -------------------------------------------------------------------------------------------------------------
CREATE TABLE policy_document (
  version     int         PRIMARY KEY CHECK (version >= 1),
  document    jsonb       NOT NULL,
  note        text        NOT NULL DEFAULT '',
  proposed_by text        NOT NULL,
  proposed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE policy_state (
  one            boolean     PRIMARY KEY DEFAULT true CHECK (one),
  active_version int         NOT NULL REFERENCES policy_document,
  auto_approve   boolean     NOT NULL DEFAULT true,
  changed_by     text        NOT NULL,
  changed_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE policy_state IS 'Changed under the exclusive policy lock only; every batch holds that lock shared.';

-- the patch and its rounds -------------------------------------------------------------------------------------------
CREATE SEQUENCE round_id;
CREATE TABLE patch (
  patch_id        text        PRIMARY KEY COLLATE "C" CHECK (length(patch_id) BETWEEN 1 AND 255),
  id              bigint      NOT NULL DEFAULT nextval('round_id'),
  apv_id          text        NOT NULL COLLATE "C",
  cve_id          text        COLLATE "C",
  home            int         NOT NULL CHECK (home >= 0),
  round           int         NOT NULL DEFAULT 1 CHECK (round >= 1),
  state           text        NOT NULL CHECK (state IN ('collecting', 'pending', 'approved', 'rejected', 'expired', 'revoked')),
  approved_by     text        CHECK (approved_by IN ('policy', 'human')),
  seq             int         NOT NULL DEFAULT 0 CHECK (seq >= 0),
  version         bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
  patch_digest    bytea       CHECK (length(patch_digest) = 32),
  evidence_digest bytea       NOT NULL CHECK (length(evidence_digest) = 32),
  severity        text        CHECK (severity IN ('none', 'low', 'medium', 'high', 'critical')),
  risk            text        CHECK (risk IN ('low', 'medium', 'high', 'critical')),
  ml_confidence   double precision CHECK (ml_confidence BETWEEN 0 AND 1),
  ml_prediction   boolean,
  policy_version  int         NOT NULL,
  reasons         text,
  received_at     timestamptz NOT NULL,
  changed_at      timestamptz NOT NULL,
  evidence_due_at timestamptz,
  opened_at       timestamptz,
  expires_at      timestamptz,
  detected_at     timestamptz,
  synthetic       boolean     NOT NULL DEFAULT false,
  sampled         boolean     NOT NULL DEFAULT false,
  CONSTRAINT approved_says_by_whom CHECK ((state = 'approved') = (approved_by IS NOT NULL)),
  CONSTRAINT approved_is_bound_to_a_diff CHECK (state <> 'approved' OR patch_digest IS NOT NULL),
  CONSTRAINT decided_has_a_decision CHECK (state IN ('collecting', 'pending') OR seq >= 1),
  CONSTRAINT pending_has_a_time_limit CHECK (state <> 'pending' OR (opened_at IS NOT NULL AND expires_at IS NOT NULL)),
  CONSTRAINT collecting_has_a_deadline CHECK (state <> 'collecting' OR evidence_due_at IS NOT NULL)
) WITH (fillfactor = 90);
COMMENT ON TABLE patch IS 'The current round of every patch. Its row is the lock of everything that happens to the patch.';
CREATE UNIQUE INDEX one_policy_approval_per_apv ON patch (apv_id) WHERE state = 'approved' AND approved_by = 'policy';
CREATE INDEX patch_human_approved ON patch (apv_id) WHERE state = 'approved' AND approved_by = 'human';
CREATE INDEX patch_evidence_due ON patch (evidence_due_at) WHERE state = 'collecting';
CREATE INDEX patch_expires ON patch (expires_at, patch_id) WHERE state = 'pending';
CREATE INDEX patch_received ON patch USING brin (received_at);

CREATE TABLE round_closed (
  patch_id        text        NOT NULL COLLATE "C",
  round           int         NOT NULL CHECK (round >= 1),
  id              bigint      NOT NULL,
  apv_id          text        NOT NULL COLLATE "C",
  cve_id          text        COLLATE "C",
  state           text        NOT NULL CHECK (state IN ('approved', 'rejected', 'expired', 'revoked')),
  seq             int         NOT NULL CHECK (seq >= 1),
  patch_digest    bytea       CHECK (length(patch_digest) = 32),
  evidence_digest bytea       NOT NULL CHECK (length(evidence_digest) = 32),
  severity        text,
  risk            text,
  ml_confidence   double precision,
  ml_prediction   boolean,
  policy_version  int         NOT NULL,
  reasons         text,
  received_at     timestamptz NOT NULL,
  opened_at       timestamptz,
  synthetic       boolean     NOT NULL,
  sampled         boolean     NOT NULL,
  closed_at       timestamptz NOT NULL,
  PRIMARY KEY (patch_id, round)
);
COMMENT ON TABLE round_closed IS 'Rounds that a newer artefact replaced, as they stood when they ended.';

CREATE TABLE review (
  patch_id   text        NOT NULL COLLATE "C",
  round      int         NOT NULL,
  review_id  uuid        NOT NULL,
  opened_at  timestamptz NOT NULL,
  source     text        NOT NULL COLLATE "C",
  author     text,
  package    text,
  ecosystem  text,
  language   text,
  strategy   text,
  cwe_ids    text[]      NOT NULL DEFAULT '{}',
  summary    text,
  PRIMARY KEY (patch_id, round)
);
COMMENT ON TABLE review IS 'What a list of reviews shows and filters by. Only rounds that a person had to look at have one.';

-- what came in -------------------------------------------------------------------------------------------------------
CREATE TABLE event_seen (
  source         text        NOT NULL COLLATE "C",
  event_id       text        NOT NULL COLLATE "C",
  payload_sha256 bytea       NOT NULL CHECK (length(payload_sha256) = 32),
  seen_at        timestamptz NOT NULL,
  PRIMARY KEY (source, event_id)
);
COMMENT ON TABLE event_seen IS 'Identity of every event: (source, id). Kept for twice the retention of the topic.';
CREATE INDEX event_seen_at ON event_seen USING brin (seen_at);

CREATE TABLE evidence (
  patch_id       text        NOT NULL COLLATE "C",
  source         text        NOT NULL COLLATE "C",
  event_id       text        NOT NULL COLLATE "C",
  round          int         NOT NULL,
  topic          text        NOT NULL COLLATE "C",
  partition      int         NOT NULL,
  record_offset  bigint      NOT NULL,
  patch_digest   bytea       CHECK (length(patch_digest) = 32),
  payload_sha256 bytea       NOT NULL CHECK (length(payload_sha256) = 32),
  payload        bytea,
  received_at    timestamptz NOT NULL,
  traceparent    text,
  PRIMARY KEY (patch_id, source, event_id)
);
COMMENT ON TABLE evidence IS 'Every result that was applied, with the place it came from. The payload goes after a year, the row stays.';
CREATE INDEX evidence_received ON evidence USING brin (received_at);

CREATE TABLE outcome (
  patch_id       text        NOT NULL COLLATE "C",
  source         text        NOT NULL COLLATE "C",
  event_id       text        NOT NULL COLLATE "C",
  topic          text        NOT NULL COLLATE "C",
  partition      int         NOT NULL,
  record_offset  bigint      NOT NULL,
  decision_id    text,
  patch_digest   bytea       CHECK (length(patch_digest) = 32),
  outcome        text        NOT NULL CHECK (outcome IN ('deployed', 'failed', 'rolled_back', 'exploited', 'superseded')),
  detail         text,
  observed_at    timestamptz NOT NULL,
  received_at    timestamptz NOT NULL,
  unapproved     boolean     NOT NULL,
  payload_sha256 bytea       NOT NULL CHECK (length(payload_sha256) = 32),
  payload        bytea,
  traceparent    text,
  PRIMARY KEY (patch_id, source, event_id)
);
COMMENT ON TABLE outcome IS 'What Eureka reports. unapproved: a deployment of a digest that did not stand approved, which is an alarm.';

CREATE TABLE dead_letter (
  id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster_id    text        NOT NULL COLLATE "C",
  topic         text        NOT NULL COLLATE "C",
  partition     int         NOT NULL,
  record_offset bigint      NOT NULL,
  record_key    bytea,
  record_value  bytea,
  headers       text        NOT NULL,
  error         text        NOT NULL CHECK (error IN ('bad_record', 'conflict', 'defect')),
  reason        text        NOT NULL,
  at            timestamptz NOT NULL,
  state         text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
  settled_by    text,
  settled_at    timestamptz,
  note          text,
  CHECK ((state = 'open') = (settled_at IS NULL))
);
CREATE INDEX dead_letter_open ON dead_letter (id) WHERE state = 'open';

-- lz4 costs Postgres a fraction of its own compression; servers built without it (the embedded one) keep theirs.
DO $$
BEGIN
  IF 'lz4' = ANY ((SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression')::text[]) THEN
    ALTER TABLE evidence ALTER COLUMN payload SET COMPRESSION lz4;
    ALTER TABLE outcome ALTER COLUMN payload SET COMPRESSION lz4;
    ALTER TABLE dead_letter ALTER COLUMN record_value SET COMPRESSION lz4;
    ALTER TABLE outbox ALTER COLUMN messages SET COMPRESSION lz4;
  END IF;
END $$;

-- what was said ------------------------------------------------------------------------------------------------------
-- The worker may not name the columns mode, decided_by and approvers: their defaults are what it can say.
CREATE TABLE decision (
  patch_id        text        NOT NULL COLLATE "C",
  seq             int         NOT NULL CHECK (seq >= 1),
  round           int         NOT NULL CHECK (round >= 1),
  decision_id     uuid        NOT NULL,
  apv_id          text        NOT NULL COLLATE "C",
  cve_id          text        COLLATE "C",
  decision        text        NOT NULL CHECK (decision IN ('approved', 'rejected', 'expired', 'revoked')),
  mode            text        NOT NULL DEFAULT 'policy' CHECK (mode IN ('policy', 'human')),
  decided_by      text        NOT NULL DEFAULT 'policy',
  approvers       text[]      NOT NULL DEFAULT '{}',
  comment         text,
  reasons         text        NOT NULL,
  reject_reasons  text[]      NOT NULL DEFAULT '{}',
  policy_version  int         NOT NULL,
  patch_digest    bytea       CHECK (length(patch_digest) = 32),
  evidence_digest bytea       NOT NULL CHECK (length(evidence_digest) = 32),
  ml_confidence   double precision,
  ml_prediction   boolean,
  decided_at      timestamptz NOT NULL,
  valid_until     timestamptz,
  deployed        text        CHECK (deployed IN ('yes', 'no', 'unknown')),
  synthetic       boolean     NOT NULL,
  role            text,
  token_id        text,
  request_id      text,
  PRIMARY KEY (patch_id, seq),
  CONSTRAINT approval_is_bound_to_a_diff CHECK (decision <> 'approved' OR patch_digest IS NOT NULL),
  CONSTRAINT approval_ends CHECK (decision <> 'approved' OR (valid_until IS NOT NULL AND valid_until > decided_at)),
  CONSTRAINT only_a_person_rejects CHECK (decision <> 'rejected' OR mode = 'human'),
  CONSTRAINT policy_has_no_approvers CHECK (mode = 'human' OR (decided_by = 'policy' AND approvers = '{}')),
  CONSTRAINT a_person_has_a_name CHECK (mode = 'policy' OR decided_by NOT IN ('', 'policy')),
  CONSTRAINT reasons_are_json CHECK (reasons::jsonb IS NOT NULL)
);
COMMENT ON TABLE decision IS 'What was finally said of a patch, by policy or by a person. Append-only; a row is its own audit entry.';
CREATE INDEX decision_rejected_digest ON decision (patch_digest) WHERE decision = 'rejected';
CREATE INDEX decision_rejected_apv ON decision (apv_id) WHERE decision = 'rejected';
CREATE INDEX decision_decided ON decision USING brin (decided_at);

CREATE TABLE action (
  id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at              timestamptz NOT NULL,
  actor           text        NOT NULL DEFAULT 'policy',
  role            text,
  token_id        text,
  action          text        NOT NULL,
  patch_id        text        COLLATE "C",
  round           int,
  seq             int,
  patch_digest    bytea,
  evidence_digest bytea,
  policy_version  int,
  justification   text,
  request_id      text,
  detail          text        CONSTRAINT detail_is_json CHECK (detail IS NULL OR detail::jsonb IS NOT NULL)
);
COMMENT ON TABLE action IS 'Everything that was done beside decisions. Append-only; a row is its own audit entry. detail is JSON.';
CREATE INDEX action_patch ON action (patch_id, round) WHERE patch_id IS NOT NULL;
CREATE INDEX action_at ON action USING brin (at);

-- processes and duties -----------------------------------------------------------------------------------------------
CREATE TABLE process (
  process_id      uuid        PRIMARY KEY,
  kind            text        NOT NULL CHECK (kind IN ('worker', 'scheduler', 'sidecar')),
  schema_revision text        NOT NULL,
  host            text        NOT NULL,
  started_at      timestamptz NOT NULL DEFAULT now(),
  seen_at         timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE duty_lease (
  name       text        PRIMARY KEY,
  epoch      bigint      NOT NULL DEFAULT 0,
  holder     text        NOT NULL DEFAULT '',
  expires_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO duty_lease (name) VALUES ('scheduler');
CREATE TABLE duty_run (
  duty            text        PRIMARY KEY,
  last_started_at timestamptz,
  last_success_at timestamptz,
  last_error      text,
  runs            bigint      NOT NULL DEFAULT 0,
  memory          text
);

-- what others read ---------------------------------------------------------------------------------------------------
CREATE VIEW audit_entry AS
  SELECT decided_at AS at, decided_by AS actor, coalesce(role, mode) AS role, token_id, decision AS action, patch_id,
         round, seq, patch_digest, evidence_digest, policy_version, comment AS justification, request_id,
         jsonb_build_object('decision_id', decision_id, 'reasons', reasons::jsonb, 'approvers', approvers) AS detail,
         0::bigint AS id
    FROM decision
  UNION ALL
  SELECT at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
         justification, request_id, detail::jsonb, id
    FROM action;

CREATE VIEW hitl_decisions AS
  SELECT r.id, r.patch_id, r.apv_id, r.cve_id,
         CASE WHEN r.state IN ('collecting', 'pending') THEN 'pending' ELSE r.state END AS decision,
         d.comment, r.ml_confidence, r.ml_prediction, d.decided_by, d.decided_at,
         (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'at', a.at, 'actor', a.actor, 'role', a.role, 'token_id', a.token_id, 'action', a.action,
                   'patch_id', a.patch_id, 'round', a.round, 'seq', a.seq,
                   'patch_digest', 'sha256:' || encode(a.patch_digest, 'hex'),
                   'evidence_digest', 'sha256:' || encode(a.evidence_digest, 'hex'),
                   'policy_version', a.policy_version, 'justification', a.justification,
                   'request_id', a.request_id, 'detail', a.detail) ORDER BY a.at, a.seq NULLS FIRST, a.id), '[]'::jsonb)
            FROM audit_entry a WHERE a.patch_id = r.patch_id AND a.round = r.round) AS audit_log,
         r.round, r.synthetic
    FROM (SELECT id, patch_id, apv_id, cve_id, state, ml_confidence, ml_prediction, round, seq, synthetic FROM patch
          UNION ALL
          SELECT id, patch_id, apv_id, cve_id, state, ml_confidence, ml_prediction, round, seq, synthetic FROM round_closed) r
    LEFT JOIN decision d ON d.patch_id = r.patch_id AND d.seq = r.seq AND r.state NOT IN ('collecting', 'pending');
COMMENT ON VIEW hitl_decisions IS 'One row per patch and round; compliance queries are written against it.';

-- The one question everything is for. Yes only if the patch row and its last decision agree, at this moment.
CREATE FUNCTION gate(wanted_patch_id text, wanted_digest bytea)
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
      WHEN p.patch_digest IS DISTINCT FROM wanted_digest OR d.patch_digest IS DISTINCT FROM wanted_digest THEN 'wrong_digest'
      WHEN p.synthetic OR d.synthetic THEN 'synthetic'
      WHEN d.valid_until IS NULL OR d.valid_until <= clock_timestamp() THEN 'approval_ended'
      ELSE 'approved' END AS reason) v
$$;

-- retention: the only way anything append-only is ever taken away, and only by age -----------------------------------
CREATE FUNCTION retire_evidence_payloads(older_than interval, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT set_config('hitl.retention', 'on', true);
  WITH gone AS (
    UPDATE evidence SET payload = NULL
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM evidence
                              WHERE payload IS NOT NULL
                                AND received_at < now() - greatest(older_than, interval '1 year') LIMIT at_most))
    RETURNING 1)
  SELECT count(*) FROM gone
$$;
CREATE FUNCTION forget_seen_events(older_than interval, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT set_config('hitl.retention', 'on', true);
  WITH gone AS (
    DELETE FROM event_seen
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM event_seen
                              WHERE seen_at < now() - greatest(older_than, interval '1 day') LIMIT at_most))
    RETURNING 1)
  SELECT count(*) FROM gone
$$;
CREATE FUNCTION forget_old_patches(older_than interval, at_most int) RETURNS bigint
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
     LIMIT at_most FOR UPDATE SKIP LOCKED),
  d1 AS (DELETE FROM evidence     WHERE patch_id IN (SELECT patch_id FROM old)),
  d2 AS (DELETE FROM outcome      WHERE patch_id IN (SELECT patch_id FROM old)),
  d3 AS (DELETE FROM decision     WHERE patch_id IN (SELECT patch_id FROM old)),
  d4 AS (DELETE FROM action       WHERE patch_id IN (SELECT patch_id FROM old)),
  d5 AS (DELETE FROM review       WHERE patch_id IN (SELECT patch_id FROM old)),
  d6 AS (DELETE FROM round_closed WHERE patch_id IN (SELECT patch_id FROM old)),
  gone AS (DELETE FROM patch WHERE patch_id IN (SELECT patch_id FROM old) RETURNING 1)
  SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION retire_evidence_payloads(interval, int), forget_seen_events(interval, int),
  forget_old_patches(interval, int) FROM PUBLIC;

-- What is append-only stays so even for its owner, unless one of the functions above takes it away by age. Statement
-- triggers: an insert or a COPY pays nothing for them.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' OR current_setting('hitl.retention', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION '% on %: what is recorded stays as it is', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['decision', 'action', 'policy_document', 'evidence', 'outcome', 'event_seen', 'round_closed'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['patch', 'review', 'dead_letter', 'consumer_position'] LOOP
    EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
  END LOOP;
END $$;

-- grants -------------------------------------------------------------------------------------------------------------
-- Written by column wherever a row changes or a column says who did it. Nobody but the owner has TRUNCATE, and DELETE is
-- for what is not kept: published messages and processes that are gone.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator;

GRANT INSERT (process_id, kind, schema_revision, host), UPDATE (seen_at) ON process
  TO hitl_worker, hitl_scheduler, hitl_sidecar;
GRANT DELETE ON process TO hitl_scheduler;

GRANT INSERT (cluster_id, topic, partition, next_offset, topic_id), UPDATE (next_offset, epoch, owner, topic_id, moved_at)
  ON consumer_position TO hitl_worker;
GRANT INSERT (shard, epoch, owner), UPDATE (epoch, owner, claimed_at) ON outbox_shard TO hitl_worker;
GRANT DELETE ON outbox TO hitl_worker;
GRANT INSERT ON patch, round_closed, evidence, outcome, event_seen TO hitl_worker;
GRANT INSERT (cluster_id, topic, partition, record_offset, record_key, record_value, headers, error, reason, at)
  ON dead_letter TO hitl_worker;
GRANT USAGE ON SEQUENCE round_id TO hitl_worker;

-- Worker and scheduler: what happens to a patch without a person. Neither can say who decided.
GRANT UPDATE (id, cve_id, round, state, approved_by, seq, version, patch_digest, evidence_digest, severity, risk,
              ml_confidence, ml_prediction, policy_version, reasons, changed_at, evidence_due_at, opened_at, expires_at,
              detected_at, synthetic, sampled)
  ON patch TO hitl_worker, hitl_scheduler;
GRANT INSERT (patch_id, round, review_id, opened_at, source, author, package, ecosystem, language, strategy, cwe_ids, summary),
      UPDATE (review_id, opened_at, package, ecosystem, language, strategy, cwe_ids, summary)
  ON review TO hitl_worker, hitl_scheduler;
GRANT INSERT (patch_id, seq, round, decision_id, apv_id, cve_id, decision, comment, reasons, policy_version, patch_digest,
              evidence_digest, ml_confidence, ml_prediction, decided_at, valid_until, deployed, synthetic)
  ON decision TO hitl_worker, hitl_scheduler;
GRANT INSERT (at, actor, role, token_id, action, patch_id, round, seq, patch_digest, evidence_digest, policy_version,
              justification, request_id, detail)
  ON action TO hitl_worker, hitl_scheduler, hitl_operator;
GRANT INSERT (shard, messages) ON outbox TO hitl_worker, hitl_scheduler, hitl_sidecar;

GRANT UPDATE ON duty_lease TO hitl_scheduler;
GRANT INSERT, UPDATE ON duty_run TO hitl_scheduler;
GRANT EXECUTE ON FUNCTION retire_evidence_payloads(interval, int), forget_seen_events(interval, int),
  forget_old_patches(interval, int) TO hitl_scheduler;

-- The sidecar closes a pending review by what a person said; it does not touch what the evidence is.
GRANT UPDATE (state, approved_by, seq, version, changed_at) ON patch TO hitl_sidecar;
GRANT INSERT (patch_id, seq, round, decision_id, apv_id, cve_id, decision, mode, decided_by, approvers, comment, reasons,
              reject_reasons, policy_version, patch_digest, evidence_digest, ml_confidence, ml_prediction, decided_at,
              valid_until, deployed, synthetic, role, token_id, request_id)
  ON decision TO hitl_sidecar;

GRANT INSERT ON policy_document TO hitl_operator;
GRANT UPDATE (active_version, auto_approve, changed_by, changed_at) ON policy_state TO hitl_operator;
GRANT UPDATE (state, settled_by, settled_at, note) ON dead_letter TO hitl_operator;
GRANT INSERT (cluster_id, topic, partition, next_offset, topic_id), UPDATE (next_offset, epoch, owner, topic_id, moved_at)
  ON consumer_position TO hitl_operator;

-- the conservative default -------------------------------------------------------------------------------------------
INSERT INTO policy_document (version, document, note, proposed_by) VALUES (1, '{
  "name": "conservative",
  "enabled": true,
  "allowed_sources": ["/wargaming/*"],
  "single_result_sources": [],
  "confidence_min": 0.95,
  "severity_max": "high",
  "risk_max": "medium",
  "sample_rate": 0,
  "evidence_deadline_s": 1800,
  "approval_valid_s": 2592000,
  "review_time_limit_s": {"critical": 86400, "high": 259200, "medium": 604800, "low": 1209600}
}', 'The conservative default.', 'migration');
INSERT INTO policy_state (active_version, changed_by) VALUES (1, 'migration');
