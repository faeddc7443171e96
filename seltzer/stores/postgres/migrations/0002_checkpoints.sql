-- The threads' states. seltzer/stores/postgres/checkpoints/saver.py says how they differ from the tables that
-- LangGraph's saver would make; seltzer/stores/checkpoints/spans.py, what is in `lists`.

CREATE TABLE seltzer.checkpoints (
    seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,  -- the order of writing: ids come from clocks
    thread_id text NOT NULL,
    checkpoint_ns text NOT NULL,
    checkpoint_id text NOT NULL,
    parent_checkpoint_id text,
    source text NOT NULL,              -- LangGraph's, and the run that wrote it: both from the metadata
    run_id text NOT NULL,
    has_delta boolean NOT NULL,        -- a DeltaChannel's value is spread over it and those before it
    lists text,                        -- JSON: the lists of messages that were taken out of the checkpoint
    top bigint,                        -- the highest number of a message in these
    metadata text,                     -- JSON
    type text NOT NULL,
    checkpoint bytea NOT NULL,
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id)
);

CREATE INDEX checkpoints_by_seq ON seltzer.checkpoints (thread_id, checkpoint_ns, seq);

CREATE TABLE seltzer.writes (
    seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    thread_id text NOT NULL,
    checkpoint_ns text NOT NULL,
    checkpoint_id text NOT NULL,
    task_id text NOT NULL,
    task_path text NOT NULL,
    idx integer NOT NULL,
    channel text NOT NULL,
    lists text,
    top bigint,
    type text NOT NULL,
    value bytea NOT NULL,
    run_id text NOT NULL,              -- what it is rolled back by
    UNIQUE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id)
);

-- A thread's messages, each once, numbered in the order of storing. A number is never given twice, not even
-- after the thread was deleted and another one has its id: any process may still have the message in memory.
CREATE TABLE seltzer.messages (
    thread_id text NOT NULL,
    number bigint NOT NULL,
    digest bytea NOT NULL,             -- of the type and the blob
    type text NOT NULL,
    blob bytea NOT NULL,
    PRIMARY KEY (thread_id, number),
    UNIQUE (thread_id, digest)
);

CREATE SEQUENCE seltzer.message_blocks;  -- each thread begins a block of 2^24 numbers

CREATE TABLE seltzer.message_numbers (
    thread_id text PRIMARY KEY,
    last bigint NOT NULL,
    -- another one whenever messages of the thread are deleted: what a process has in memory of them is then stale
    epoch bigint NOT NULL DEFAULT nextval('seltzer.message_blocks')
);
