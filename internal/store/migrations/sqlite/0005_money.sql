-- +goose Up

-- Codes that are worth quota, once. The code itself is kept nowhere.
CREATE TABLE IF NOT EXISTS redemptions (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    hash        TEXT NOT NULL UNIQUE,   -- hex SHA-256 of the code
    prefix      TEXT NOT NULL,          -- first characters of the code, to recognise it by
    name        TEXT NOT NULL,   -- of the batch
    quota       BIGINT NOT NULL,
    status      INT NOT NULL DEFAULT 1,      -- 1 open, 2 disabled, 3 used
    expires_at  BIGINT NOT NULL DEFAULT 0,   -- 0: never
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    used_by     BIGINT NOT NULL DEFAULT 0,   -- user
    used_at     BIGINT NOT NULL DEFAULT 0,
    CHECK (quota > 0)
);

-- What ended in each hour, folded from the journal and table videos behind the
-- requests. Hours that are still open are read from there.
CREATE TABLE IF NOT EXISTS usage_hours (
    hour           BIGINT NOT NULL,             -- unix seconds of its beginning
    user_id        BIGINT NOT NULL,
    model          TEXT NOT NULL,
    channel_id     BIGINT NOT NULL,
    status         TEXT NOT NULL,          -- succeed or failed
    test           INT NOT NULL DEFAULT 0,      -- 1: the play ledger
    tasks          BIGINT NOT NULL,
    charged        BIGINT NOT NULL,             -- quota
    seconds        BIGINT NOT NULL,             -- of results ordered
    wait_ms        BIGINT NOT NULL,             -- from accepting to the end, sum
    costed         BIGINT NOT NULL,             -- tasks whose cost in US dollars is known
    costed_charged BIGINT NOT NULL,             -- quota charged for those
    cost_micros    BIGINT NOT NULL,             -- what upstreams billed for those, millionths of a US dollar
    cny_micros     BIGINT NOT NULL,             -- billed in yuan, millionths
    w0             BIGINT NOT NULL,             -- tasks by time to the end, see waitBounds
    w1             BIGINT NOT NULL,
    w2             BIGINT NOT NULL,
    w3             BIGINT NOT NULL,
    w4             BIGINT NOT NULL,
    w5             BIGINT NOT NULL,
    w6             BIGINT NOT NULL,
    w7             BIGINT NOT NULL,
    w8             BIGINT NOT NULL,
    w9             BIGINT NOT NULL,
    w10            BIGINT NOT NULL,
    w11            BIGINT NOT NULL,
    w12            BIGINT NOT NULL,
    w13            BIGINT NOT NULL,
    w14            BIGINT NOT NULL,
    w15            BIGINT NOT NULL,
    PRIMARY KEY (hour, user_id, model, channel_id, status, test)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS usage_hours_user ON usage_hours (user_id, hour);

-- How far the folding has come: an id of the journal.
CREATE TABLE IF NOT EXISTS usage_marks (
    name TEXT NOT NULL PRIMARY KEY,
    mark TEXT NOT NULL
);

-- Lists of failed tasks and of entries without a task, without a cost for the
-- others.
CREATE INDEX IF NOT EXISTS videos_failed ON videos (task_id) WHERE status = 'failed';
CREATE INDEX IF NOT EXISTS journal_manual ON journal (id) WHERE task_id IS NULL;
CREATE INDEX IF NOT EXISTS journal_manual_user ON journal (user_id, id) WHERE task_id IS NULL;
