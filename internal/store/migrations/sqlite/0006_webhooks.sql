-- +goose Up

-- Addresses of users that are told of the end of every task of theirs.
CREATE TABLE IF NOT EXISTS webhook_endpoints (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id       BIGINT NOT NULL,
    url           TEXT NOT NULL,
    description   TEXT NOT NULL DEFAULT '',
    events        TEXT NOT NULL DEFAULT '',      -- comma list of event types; empty: all
    status        INT NOT NULL DEFAULT 1,        -- 1 on, 2 off, 3 deleted
    reason        TEXT NOT NULL DEFAULT '',      -- why the gateway switched it off: gone, failing
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
    changed       BIGINT NOT NULL DEFAULT 0      -- value of versions.directory at the last change
);
CREATE INDEX IF NOT EXISTS webhook_endpoints_user ON webhook_endpoints (user_id, id);

-- What endpoints are sent; payload is what the request's callback_url is sent.
ALTER TABLE events ADD COLUMN body TEXT;

ALTER TABLE deliveries ADD COLUMN receiver TEXT NOT NULL DEFAULT '';        -- whose line it waits in
ALTER TABLE deliveries ADD COLUMN step INT NOT NULL DEFAULT 0;              -- failed tries of the schedule; tries counts all
ALTER TABLE deliveries ADD COLUMN last_try_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN last_ms INT NOT NULL DEFAULT 0;           -- how long the last try took
ALTER TABLE deliveries ADD COLUMN last_response TEXT;                       -- beginning of what was answered

-- A claim passes by receivers that are busy without reading their rows.
CREATE INDEX IF NOT EXISTS deliveries_claim ON deliveries (next_try_at, receiver) WHERE next_try_at IS NOT NULL;
DROP INDEX IF EXISTS deliveries_due;

-- Lists: a user's, an endpoint's, and what has not arrived.
CREATE INDEX IF NOT EXISTS deliveries_user ON deliveries (user_id, event_id, endpoint_id);
CREATE INDEX IF NOT EXISTS deliveries_endpoint ON deliveries (endpoint_id, event_id) WHERE endpoint_id <> 0;
CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (event_id, endpoint_id) WHERE status <> 'delivered';
