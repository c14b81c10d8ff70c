-- +goose Up

-- Requests a minute of all of a user's tokens together; 0: no limit. MySQL has
-- no ADD COLUMN IF NOT EXISTS, and a step that was cut off is repeated.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'users' AND column_name = 'rate'),
    'DO 0',
    'ALTER TABLE users ADD COLUMN rate INT NOT NULL DEFAULT 0');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;

-- Nodes that have lately been seen. Nothing depends on a row: it is for people.
CREATE TABLE IF NOT EXISTS nodes (
    id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- of this run
    version       VARCHAR(64) NOT NULL,
    address       VARCHAR(255) NOT NULL,     -- where it listens, host:port
    started_at    BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    clock_offset  BIGINT NOT NULL,           -- ms by which the database's clock is ahead of it
    directory_age BIGINT NOT NULL,           -- ms since it last looked for changes
    draining      INT NOT NULL               -- 1: shutting down
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
