-- +goose Up

-- Requests a minute of all of a user's tokens together; 0: no limit.
ALTER TABLE users ADD COLUMN rate INT NOT NULL DEFAULT 0;

-- Nodes that have lately been seen. Nothing depends on a row: it is for people.
CREATE TABLE IF NOT EXISTS nodes (
    id            TEXT NOT NULL PRIMARY KEY, -- of this run
    version       TEXT NOT NULL,
    address       TEXT NOT NULL,             -- where it listens, host:port
    started_at    BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    clock_offset  BIGINT NOT NULL,           -- ms by which the database's clock is ahead of it
    directory_age BIGINT NOT NULL,           -- ms since it last looked for changes
    draining      INT NOT NULL               -- 1: shutting down
);
