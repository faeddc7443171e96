-- A state has its messages by their numbers, which are given in the order of storing: a list that only grows is
-- one span of them. Before, it had a ref of 16 bytes for each. numbered_messages.py fills these tables from the
-- old ones; seltzer/stores/checkpoints/spans.py says what is in `lists`.

ALTER TABLE checkpoints RENAME TO old_checkpoints;
ALTER TABLE writes RENAME TO old_writes;
ALTER TABLE checkpoint_messages RENAME TO old_messages;
DROP INDEX checkpoints_by_seq;

CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY,           -- the order of writing: ids come from clocks, which may step back
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    source TEXT NOT NULL,              -- LangGraph's, and the run that wrote it: both from the metadata
    run_id TEXT NOT NULL,
    has_delta INTEGER NOT NULL,        -- a DeltaChannel's value is spread over it and those before it
    lists TEXT,                        -- the lists of messages that were taken out of the checkpoint
    top INTEGER,                       -- the highest number of a message in these
    metadata BLOB,                     -- JSON; before the checkpoint: to read it, that needn't be
    type TEXT NOT NULL,
    checkpoint BLOB NOT NULL,
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id)
);

-- It has all that is read of a thread's whole tree.
CREATE INDEX checkpoints_by_seq ON checkpoints (
    thread_id, checkpoint_ns, seq, checkpoint_id, parent_checkpoint_id, source, run_id, has_delta, top
);

CREATE TABLE writes (
    seq INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_path TEXT NOT NULL,
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    lists TEXT,
    top INTEGER,
    type TEXT NOT NULL,
    value BLOB NOT NULL,
    run_id TEXT NOT NULL,              -- what it is rolled back by
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id)
);

CREATE INDEX writes_by_top ON writes (thread_id, top) WHERE top IS NOT NULL;

CREATE TABLE checkpoint_messages (
    thread_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL,              -- of the type and the blob
    type TEXT NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (thread_id, number)
) WITHOUT ROWID;

CREATE UNIQUE INDEX checkpoint_messages_by_digest ON checkpoint_messages (thread_id, digest);
