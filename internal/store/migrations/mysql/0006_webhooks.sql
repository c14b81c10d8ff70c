-- +goose Up

-- Addresses of users that are told of the end of every task of theirs.
CREATE TABLE IF NOT EXISTS webhook_endpoints (
    id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id       BIGINT NOT NULL,
    url           VARCHAR(2048) NOT NULL,
    description   VARCHAR(255) NOT NULL DEFAULT '',
    events        VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '', -- comma list of event types; empty: all
    status        INT NOT NULL DEFAULT 1,        -- 1 on, 2 off, 3 deleted
    reason        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',  -- why the gateway switched it off: gone, failing
    reason_at     BIGINT NOT NULL DEFAULT 0,
    generation    INT NOT NULL DEFAULT 1,        -- of the signing secret; raised by each rotation
    rotated_at    BIGINT NOT NULL DEFAULT 0,     -- 0: the old secret signs no more
    last_try_at   BIGINT NOT NULL DEFAULT 0,
    last_code     INT NOT NULL DEFAULT 0,        -- HTTP status of the last try
    last_ok_at    BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT NOT NULL DEFAULT 0,     -- first failed try since the last good one; 0: none
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1,
    changed       BIGINT NOT NULL DEFAULT 0,     -- value of versions.directory at the last change
    KEY webhook_endpoints_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What endpoints are sent; payload is what the request's callback_url is sent.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'events' AND column_name = 'body'),
    'DO 0',
    'ALTER TABLE events ADD COLUMN body MEDIUMTEXT');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;

-- receiver is whose line a delivery waits in; step counts the failed tries of
-- the schedule, tries all of them. A claim passes by receivers that are busy
-- without reading their rows. Lists of what has not arrived go by
-- status.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'deliveries' AND column_name = 'receiver'),
    'DO 0',
    'ALTER TABLE deliveries ADD COLUMN receiver VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''', ADD COLUMN step INT NOT NULL DEFAULT 0, ADD COLUMN last_try_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN last_ms INT NOT NULL DEFAULT 0, ADD COLUMN last_response TEXT, ADD KEY deliveries_claim (next_try_at, receiver), DROP KEY deliveries_due, ADD KEY deliveries_user (user_id, event_id, endpoint_id), ADD KEY deliveries_endpoint (endpoint_id, event_id), ADD KEY deliveries_open (status, event_id, endpoint_id)');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;
