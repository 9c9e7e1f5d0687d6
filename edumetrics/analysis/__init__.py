"""The analysis database: its tables, migrations, slices and the ledger of runs."""
