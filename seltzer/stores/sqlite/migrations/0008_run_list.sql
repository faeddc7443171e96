-- What a list of runs shows of them, and how it is found.
ALTER TABLE runs ADD COLUMN started_at REAL;  -- when its last attempt was leased, if it doesn't wait
ALTER TABLE runs ADD COLUMN ended_at REAL;
ALTER TABLE runs ADD COLUMN stats BLOB;       -- JSON, of the attempt that has ended it

CREATE INDEX runs_by_graph ON runs (graph, status, number);
