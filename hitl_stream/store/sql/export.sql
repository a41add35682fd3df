-- name: export_decisions
-- role: hitl_operator
-- What compliance asks for, filtered; open rounds have no time and are left out when one is asked for.
SELECT id, patch_id, apv_id, cve_id, decision, comment, ml_confidence, ml_prediction, decided_by, decided_at, round,
       synthetic, audit_log
  FROM hitl_decisions
 WHERE ($1::timestamptz IS NULL OR decided_at >= $1)
   AND ($2::timestamptz IS NULL OR decided_at < $2)
   AND ($3::text IS NULL OR decision = $3)
   AND ($4::text IS NULL OR patch_id = $4)
   AND ($5::text IS NULL OR apv_id = $5)
   AND ($6::text IS NULL OR cve_id = $6)
   AND ($7::boolean OR NOT synthetic)
 ORDER BY patch_id, round;
