-- Format 1. A run's text name stands once, in `runs`; everywhere else is its integer key, which keeps the indexes small.

CREATE TABLE runs (
    id            INTEGER PRIMARY KEY,
    run           TEXT    NOT NULL UNIQUE,
    last          INTEGER NOT NULL,
    app           TEXT    NOT NULL,
    release       TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    updated       INTEGER NOT NULL,
    wake          INTEGER,
    batch         TEXT,
    line          INTEGER,
    cost_usd      REAL    NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    outcome       TEXT    NOT NULL
) STRICT;
CREATE INDEX runs_by_status ON runs (status, created);
CREATE INDEX runs_by_time ON runs (created);
CREATE INDEX runs_by_wake ON runs (wake) WHERE status = 'waiting' AND wake IS NOT NULL;
CREATE INDEX runs_by_batch ON runs (batch, created) WHERE batch IS NOT NULL;

-- A rowid table on purpose: bodies are large, and rows of all runs are appended at its end.
CREATE TABLE records (
    run      INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    effect   TEXT,
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX records_by_seq ON records (run, seq);
CREATE UNIQUE INDEX records_by_effect ON records (run, effect) WHERE effect IS NOT NULL;

CREATE TABLE tasks (
    id      TEXT    NOT NULL UNIQUE,
    run     INTEGER NOT NULL,
    created INTEGER NOT NULL,
    closed  TEXT,
    body    TEXT    NOT NULL
) STRICT;
CREATE INDEX tasks_by_run ON tasks (run);
CREATE INDEX tasks_open ON tasks (created) WHERE closed IS NULL;

CREATE TABLE releases (
    id      INTEGER PRIMARY KEY,
    release TEXT    NOT NULL UNIQUE,
    app     TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    main    TEXT    NOT NULL,
    models  TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE files (
    release  INTEGER NOT NULL,
    path     TEXT    NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX files_by_path ON files (release, path);

CREATE TABLE blobs (
    hash     TEXT    NOT NULL UNIQUE,
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
) STRICT;
