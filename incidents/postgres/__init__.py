"""PostgreSQL and TimescaleDB: SQL in .sql files by name, rows in and out as our own classes."""
