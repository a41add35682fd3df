-- Takes people away and keeps what they said: votes move to schema archive. The sidecar's role gets back what it had.
DO $$
DECLARE
  tag text := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISSUS');
BEGIN
  CREATE SCHEMA IF NOT EXISTS archive;
  EXECUTE format('CREATE TABLE archive.%I AS TABLE public.vote', 'vote_' || tag);
  EXECUTE format('CREATE TABLE archive.%I AS TABLE public.approval_rule', 'approval_rule_' || tag);
  EXECUTE format($q$CREATE TABLE archive.%I AS SELECT patch_id, source, event_id, author FROM public.evidence WHERE author <> ''$q$,
                 'evidence_author_' || tag);
  EXECUTE format('CREATE TABLE archive.%I AS TABLE public.look', 'look_' || tag);
  EXECUTE format('CREATE TABLE archive.%I AS TABLE public.access_group_role', 'access_group_role_' || tag);
  EXECUTE format('CREATE TABLE archive.%I AS TABLE public.author', 'author_' || tag);
  EXECUTE format('CREATE TABLE archive.%I AS TABLE public.other_apv', 'other_apv_' || tag);
END $$;
DROP VIEW hitl_decisions, audit_entry, decision_entry, action_entry, vote_entry;
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
GRANT SELECT ON audit_entry, hitl_decisions TO hitl_worker, hitl_scheduler, hitl_sidecar, hitl_operator;
DROP FUNCTION
  cast_vote(text, bigint, text, text[], text, boolean, timestamptz, text, text),
  conclude_approval(text, bigint, uuid, text, text[], text, timestamptz, timestamptz, text, text, bytea[]),
  reject_by_person(text, bigint, uuid, text, text[], text, text[], timestamptz, text, text, bytea[]),
  revoke_by_person(text, bigint, uuid, text, text[], text, text, timestamptz, text, text, bytea[]),
  reopen_by_person(text, bigint, uuid, text, text[], text, timestamptz, timestamptz, text, text, bytea[]),
  claim_by_person(text, text, text[], text, boolean, text, text),
  release_by_person(text, text, text[], text, text),
  comment_by_person(text, text, text[], text, boolean, text, text),
  conclude(patch, text, uuid, text, text, text[], text, timestamptz, timestamptz, text, text, text, text, bytea[]),
  has_quorum(patch),
  hold_rules(),
  voters(patch),
  votes_in_force(patch),
  note(patch, text, text, text, text, timestamptz, text, text, json),
  must_be_now(patch, timestamptz),
  must_say_why(text),
  must_say(bytea[], text, text, text, uuid, timestamptz, jsonb),
  digest_text(bytea),
  moment_text(timestamptz),
  is_past_retention(patch),
  renew_claim(text, text),
  holder(patch),
  admit_without_version(text, text, text[], text, text[]),
  admit(text, bigint, text, text[], text, text[]),
  lock_patch(text),
  refuse(text, text),
  has_role(text[], text),
  approvals_needed(patch),
  approvals_of(text, boolean),
  is_own(patch, text),
  has_unknown_author(patch),
  glass_unreviewed(patch),
  is_reviewed(action),
  approval_class(patch),
  class_of(text, text),
  approvals_shown(queue),
  voters_shown(queue),
  round_authors(text, int),
  names_of_round(text, int),
  matches(text, text),
  find_answer(text, text),
  is_asked_for(timestamptz, text, text, text, text, int, timestamptz, text, text, text, text, int, timestamptz, timestamptz);
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
DROP FUNCTION forget_answers(interval, int), forget_changes(interval, int), add_up_tallies(), end_silent_sessions();
DROP TRIGGER tell ON decision;
DROP TRIGGER count ON decision;
DROP TABLE change, change_forgotten, live_ticket, feedback, person;
DROP TRIGGER follow ON evidence;
DROP TRIGGER follow_new ON review;
DROP TRIGGER follow_changed ON review;
DROP TRIGGER follow_changed ON patch;
DROP FUNCTION
  is_wanted(queue, text[], text[], text[], text[], double precision, double precision, timestamptz, text, text, text[], text[], text, text, text, text),
  severity_points(text), risk_points(text),
  words_of(text), tags_of(text[]),
  follow_patches(), follow_reviews(), follow_evidence(), write_queue(text[]), queue_tags(patch, review), approval_tag(patch), cwe_class(text);
DROP TRIGGER count_new ON patch;
DROP TRIGGER count_changed ON patch;
DROP TRIGGER count_gone ON patch;
DROP TRIGGER forget_others ON patch;
DROP FUNCTION forget_other_apvs(), count_new_patches(), count_changed_patches(), count_gone_patches(), count_decisions(), activity_of(text, text);
DROP INDEX patch_cve, decision_at, decision_person, decision_kind, decision_policy_version,
  action_by_time, action_person, action_kind, action_policy_version, action_glass;
CREATE INDEX decision_decided ON decision USING brin (decided_at);
CREATE INDEX action_at ON action USING brin (at);
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
      WHEN p.patch_digest IS DISTINCT FROM wanted_digest OR d.patch_digest IS DISTINCT FROM wanted_digest THEN 'wrong_digest'
      WHEN p.synthetic OR d.synthetic THEN 'synthetic'
      WHEN d.valid_until IS NULL OR d.valid_until <= clock_timestamp() THEN 'approval_ended'
      ELSE 'approved' END AS reason) v
$$;
ALTER TABLE evidence DROP COLUMN author;
DROP TABLE access_group_role, author, approval_rule, vote, claim, idempotency, look, tally, decision_time, activity, queue, other_apv;
DROP FUNCTION tag_of(text);
DROP FUNCTION count_reviews(), tell_of_new_reviews(), tell_of_changed_reviews(), tell_of_decisions(), tell_of_claims();
GRANT INSERT (shard, messages) ON outbox TO hitl_sidecar;
GRANT UPDATE (state, approved_by, seq, version, changed_at) ON patch TO hitl_sidecar;
GRANT INSERT (patch_id, seq, round, decision_id, apv_id, cve_id, decision, mode, decided_by, approvers, comment, reasons,
              reject_reasons, policy_version, patch_digest, evidence_digest, ml_confidence, ml_prediction, decided_at,
              valid_until, deployed, synthetic, role, token_id, request_id)
  ON decision TO hitl_sidecar;
