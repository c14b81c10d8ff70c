-- +goose Up

-- Tasks that ended without charge while the upstream may have them. They are
-- asked for a while longer, only to book what the operator lost.
CREATE TABLE IF NOT EXISTS late_checks (
    ref              VARCHAR(64) NOT NULL PRIMARY KEY, -- our external id at the upstream
    task_id          VARCHAR(64) NOT NULL,
    provider         VARCHAR(32) NOT NULL,
    route            VARCHAR(128) NOT NULL,
    channel_id       BIGINT NOT NULL,
    key_id           VARCHAR(64) NOT NULL,
    upstream_task_id VARCHAR(128),
    price            BIGINT NOT NULL,          -- of the task: booked when the upstream does not say what it billed
    next_ask_at      BIGINT,                   -- NULL: nothing more is asked
    until_at         BIGINT NOT NULL,
    asked            INT NOT NULL DEFAULT 0,
    found_at         BIGINT NOT NULL DEFAULT 0,
    found_status     VARCHAR(32) NOT NULL DEFAULT '', -- the upstream's last word
    lost             BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS late_checks_due ON late_checks (next_ask_at) WHERE next_ask_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS late_checks_task ON late_checks (task_id);

-- One row: the life of this database, and whether it is being brought up to
-- date after a backup was restored.
CREATE TABLE IF NOT EXISTS recovery (
    id          INT NOT NULL PRIMARY KEY,
    database_id VARCHAR(64) NOT NULL,
    heartbeat   BIGINT NOT NULL DEFAULT 0,     -- nodes raise it and remember it outside of the database
    active      INT NOT NULL DEFAULT 0,
    started_at  BIGINT NOT NULL DEFAULT 0,
    backup_at   BIGINT NOT NULL DEFAULT 0,     -- the last moment that the database knows of
    reason      VARCHAR(255) NOT NULL DEFAULT ''
);

-- Tasks that were live in the backup, until what became of them is known.
CREATE TABLE IF NOT EXISTS recovery_tasks (
    task_id         VARCHAR(64) NOT NULL PRIMARY KEY,
    answered_at     BIGINT NOT NULL DEFAULT 0, -- the upstream has told what it knows
    absences        INT NOT NULL DEFAULT 0,    -- rounds in which no channel knew it
    first_absent_at BIGINT NOT NULL DEFAULT 0,
    last_absent_at  BIGINT NOT NULL DEFAULT 0
);

-- How far the upstream's own lists of tasks have been read.
CREATE TABLE IF NOT EXISTS recovery_channels (
    channel_id BIGINT NOT NULL PRIMARY KEY,
    walked_at  BIGINT NOT NULL DEFAULT 0,      -- begin of the last complete walk
    tried_at   BIGINT NOT NULL DEFAULT 0,
    tasks      BIGINT NOT NULL DEFAULT 0,
    problem    VARCHAR(255) NOT NULL DEFAULT ''
);

-- Upstream tasks with an id of ours and no task here.
CREATE TABLE IF NOT EXISTS orphans (
    channel_id       BIGINT NOT NULL,
    upstream_task_id VARCHAR(128) NOT NULL,
    ref              VARCHAR(64) NOT NULL,
    status           VARCHAR(32) NOT NULL,
    costs            TEXT,                     -- JSON: what the upstream billed
    note             VARCHAR(255) NOT NULL DEFAULT '',
    created_at       BIGINT NOT NULL DEFAULT 0, -- by the upstream's clock
    found_at         BIGINT NOT NULL,
    PRIMARY KEY (channel_id, upstream_task_id)
);
