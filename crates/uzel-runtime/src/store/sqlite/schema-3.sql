-- Format 3. Every row has a checksum, a run's large values are named, and ended runs can be taken out.

ALTER TABLE runs ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE releases ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

-- Which large values the records of a run refer to. A value goes with the last run that does.
CREATE TABLE refs (
    run  INTEGER NOT NULL,
    hash TEXT    NOT NULL,
    PRIMARY KEY (run, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_by_hash ON refs (hash);

-- Runs that were taken out: their row is gone, their records go in several transactions.
CREATE TABLE pruning (
    id  INTEGER PRIMARY KEY,
    run TEXT    NOT NULL
) STRICT;

-- What operators changed, a row for each transaction that did.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
