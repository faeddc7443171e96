"""Whether a Postgres database is in order, for `seltzer doctor`. Nothing in it is changed."""
