"""The analysis database: its tables, its migrations, its slices and the ledger of runs."""
