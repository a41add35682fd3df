SELECT patch_name(10 * nextval('pgbench_next')) AS patch_id \gset
BEGIN;
{roles};
{version} \gset seen_
{lock} \gset
SELECT gen_random_uuid() AS decision \gset
SELECT reject_by_person(:patch_id, :seen_version, :decision, 'pgbench', '{group}', 'no', '{{}}', :locked_at, NULL, NULL,
                        ARRAY['decisions'::bytea, convert_to(patch_id, 'UTF8'), convert_to(
  json_build_object('specversion', '1.0', 'id', :decision::uuid, 'source', '/hitl-stream', 'type', 'hitl.decision.v1', 'subject', patch_id,
    'time', written(:locked_at::timestamptz), 'datacontenttype', 'application/json', 'data', json_build_object(
      'decision_id', :decision::uuid, 'patch_id', patch_id, 'apv_id', apv_id, 'cve_id', cve_id, 'round', round, 'seq', seq + 1,
      'decision', 'rejected', 'mode', 'human', 'decided_by', 'pgbench', 'approvers', '[]'::json, 'comment', 'no',
      'reasons', reasons::json, 'reject_reasons', '[]'::json, 'policy_version', policy_version,
      'patch_digest', 'sha256:' || encode(patch_digest, 'hex'), 'evidence_digest', 'sha256:' || encode(evidence_digest, 'hex'), 'ml_confidence', ml_confidence,
      'ml_prediction', ml_prediction, 'decided_at', written(:locked_at::timestamptz), 'valid_until', NULL, 'deployed', NULL,
      'synthetic', false))::text, 'UTF8'), NULL])
  FROM patch WHERE patch_id = :patch_id;
COMMIT;
