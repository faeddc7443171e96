-- Every row has an owner; a thread may exist before its first run: until then its number is 0.
ALTER TABLE threads ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE threads ADD COLUMN metadata BLOB NOT NULL DEFAULT '{}';  -- JSON
ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
-- The worker that has the request of an attached run that waits, and until when, by the lease clock.
ALTER TABLE runs ADD COLUMN requested_by TEXT;
ALTER TABLE runs ADD COLUMN requested_until REAL;
