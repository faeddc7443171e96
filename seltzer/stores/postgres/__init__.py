"""The store of many processes: a Postgres database. Needs the extra `postgres`."""
