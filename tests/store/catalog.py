"""A schema as its catalog describes it, line by line: what two ways to the same schema must agree on."""

from __future__ import annotations

import asyncpg

_LINES = """
SELECT format('table %s %s %s %s', c.relkind, c.relname, c.reloptions, obj_description(c.oid, 'pg_class')) AS line
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('column %s.%s %s %s %s %s %s %s', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
              a.attnotnull, a.attcompression, a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid))
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT format('function %s %s', pg_get_functiondef(oid), (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(proacl) x))
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('view %s %s', viewname, definition) FROM pg_views WHERE schemaname = 'public'
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT format('grant %s.%s %s %s', g.table_name, '*', g.grantee, g.privilege_type)
  FROM information_schema.role_table_grants g WHERE g.table_schema = 'public'
UNION ALL
SELECT format('grant %s.%s %s %s', g.table_name, g.column_name, g.grantee, g.privilege_type)
  FROM information_schema.role_column_grants g WHERE g.table_schema = 'public'
UNION ALL
SELECT format('revision %s', version_num) FROM alembic_version
 ORDER BY line
"""


async def describe(conn: asyncpg.Connection) -> list[str]:
    """Everything about schema public, sorted."""
    return [row["line"] for row in await conn.fetch(_LINES)]
