-- +goose Up

-- Codes that are worth quota, once. The code itself is kept nowhere.
CREATE TABLE IF NOT EXISTS redemptions (
    id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    hash        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,   -- hex SHA-256 of the code
    prefix      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,          -- first characters of the code, to recognise it by
    name        VARCHAR(255) NOT NULL,   -- of the batch
    quota       BIGINT NOT NULL,
    status      INT NOT NULL DEFAULT 1,      -- 1 open, 2 disabled, 3 used
    expires_at  BIGINT NOT NULL DEFAULT 0,   -- 0: never
    created_by  VARCHAR(64) NOT NULL,
    created_at  BIGINT NOT NULL,
    used_by     BIGINT NOT NULL DEFAULT 0,   -- user
    used_at     BIGINT NOT NULL DEFAULT 0,
    CHECK (quota > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What ended in each hour, folded from the journal and table videos behind the
-- requests. Hours that are still open are read from there.
CREATE TABLE IF NOT EXISTS usage_hours (
    hour           BIGINT NOT NULL,             -- unix seconds of its beginning
    user_id        BIGINT NOT NULL,
    model          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    channel_id     BIGINT NOT NULL,
    status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,          -- succeed or failed
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
    PRIMARY KEY (hour, user_id, model, channel_id, status, test),
    KEY usage_hours_user (user_id, hour)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- How far the folding has come: an id of the journal.
CREATE TABLE IF NOT EXISTS usage_marks (
    name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    mark VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Lists of failed tasks, at next to no cost for the others: MySQL has no partial
-- indexes, so the index holds a generated column that is NULL for all other rows
-- and never changes for them. ALTER TABLE is skipped when an interrupted
-- migration has made it already.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'videos' AND column_name = 'is_failed'),
    'DO 0',
    'ALTER TABLE videos ADD COLUMN is_failed TINYINT AS (IF(status = ''failed'', 1, NULL)) VIRTUAL, ADD KEY videos_failed (is_failed, task_id)');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;
