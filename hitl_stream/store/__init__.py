"""The only importer of asyncpg: named statements, migrations, and the transactions that use them."""
