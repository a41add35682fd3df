-- Takes the first schema away and keeps what must be defended later: decisions, audit and evidence move to schema
-- archive, with the time of the move in the table's name. Roles stay: other databases of the cluster may use them.
DO $$
DECLARE
  tag text := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISSUS');
  t text;
BEGIN
  DROP VIEW hitl_decisions, audit_entry;
  DROP FUNCTION gate(text, bytea);
  CREATE SCHEMA IF NOT EXISTS archive;
  FOREACH t IN ARRAY ARRAY['decision', 'action', 'patch', 'round_closed', 'evidence', 'outcome', 'dead_letter', 'policy_document'] LOOP
    EXECUTE format('CREATE TABLE archive.%I AS TABLE public.%I', t || '_' || tag, t);
  END LOOP;
END $$;
DROP TABLE policy_state, policy_document, consumer_position, outbox_shard, outbox, patch, round_closed, review, event_seen,
  evidence, outcome, dead_letter, decision, action, process, duty_lease, duty_run;
DROP SEQUENCE round_id;
DROP FUNCTION retire_evidence_payloads(interval, int), forget_seen_events(interval, int), forget_old_patches(interval, int),
  refuse_change();
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['hitl_worker', 'hitl_scheduler', 'hitl_sidecar', 'hitl_operator'] LOOP
    EXECUTE format('REVOKE ALL ON SCHEMA public FROM %I', r);
  END LOOP;
END $$;
