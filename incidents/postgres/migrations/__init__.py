"""The steps of the schema, numbered, forward only; each is a .sql file run as it stands."""
