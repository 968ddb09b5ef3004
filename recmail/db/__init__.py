"""The database: tables, migrations, and the queries of ledger, consent, suppression and caps."""
