-- +goose Up

-- Who may call.
CREATE TABLE IF NOT EXISTS user_groups (
    name        TEXT NOT NULL PRIMARY KEY,
    title       TEXT NOT NULL DEFAULT '',
    ratio       TEXT NOT NULL DEFAULT '1',      -- exact decimal text; applied last to a price
    created_at  BIGINT NOT NULL,                 -- unix milliseconds, as every time below unless it says seconds
    version     BIGINT NOT NULL DEFAULT 1        -- raised by each edit; an edit names the one it saw
);

CREATE TABLE IF NOT EXISTS users (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL DEFAULT '',
    email         TEXT NOT NULL DEFAULT '',
    password_hash TEXT NOT NULL DEFAULT '',    -- argon2id; empty: cannot sign in with a password
    role          TEXT NOT NULL DEFAULT 'user', -- root, admin, user
    status        INT NOT NULL DEFAULT 1,        -- 1 enabled, 2 disabled
    group_name    TEXT NOT NULL DEFAULT 'default',
    webhook_generation INT NOT NULL DEFAULT 1,   -- raised by each rotation of the signing secret
    webhook_rotated_at BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1,
    changed       BIGINT NOT NULL DEFAULT 0      -- value of versions.directory at the last change
);

CREATE TABLE IF NOT EXISTS tokens (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id       BIGINT NOT NULL,
    name          TEXT NOT NULL,
    hash          TEXT NOT NULL UNIQUE,         -- hex SHA-256 of the token; the token itself is kept nowhere
    prefix        TEXT NOT NULL,
    access_key    TEXT NOT NULL UNIQUE,
    status        INT NOT NULL DEFAULT 1,        -- 1 enabled, 2 disabled
    test          INT NOT NULL DEFAULT 0,        -- 1: the play ledger and the simulated upstream
    expires_at    BIGINT NOT NULL DEFAULT 0,     -- 0: never
    models        TEXT,                        -- comma list; empty: all
    networks      TEXT,                        -- comma list of addresses and prefixes; empty: all
    rate          INT NOT NULL DEFAULT 0,        -- requests a minute; 0: the default
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL DEFAULT 0,
    version       BIGINT NOT NULL DEFAULT 1,
    changed       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS tokens_user ON tokens (user_id, id);

-- What a token may spend over its life. limit_quota NULL: no limit.
CREATE TABLE IF NOT EXISTS token_budgets (
    token_id    BIGINT NOT NULL PRIMARY KEY,
    limit_quota BIGINT,
    held        BIGINT NOT NULL DEFAULT 0,
    used        BIGINT NOT NULL DEFAULT 0,
    CHECK (limit_quota IS NULL OR held + used <= limit_quota),
    CHECK (held >= 0)
);

-- The ledger. Accounts of users have a stored balance; the operator's are the
-- sum of their postings. id = owner * 16 + purpose, see package ledger.
CREATE TABLE IF NOT EXISTS accounts (
    id      BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    balance BIGINT NOT NULL DEFAULT 0,
    CHECK (balance >= 0)
);

CREATE TABLE IF NOT EXISTS journal (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,                   -- hold, capture, release, topup, grant, redeem, adjust, loss
    task_id    TEXT,
    phase      TEXT,                            -- hold or settle; NULL without a task
    reference  TEXT,
    user_id    BIGINT NOT NULL,
    token_id   BIGINT NOT NULL DEFAULT 0,
    actor      TEXT NOT NULL,
    memo       TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    UNIQUE (task_id, phase),
    UNIQUE (kind, reference)
);
CREATE INDEX IF NOT EXISTS journal_user ON journal (user_id, id);

CREATE TABLE IF NOT EXISTS postings (
    journal_id   TEXT NOT NULL,
    n            INT NOT NULL,
    from_account BIGINT NOT NULL,
    to_account   BIGINT NOT NULL,
    amount       BIGINT NOT NULL,
    PRIMARY KEY (journal_id, n),
    CHECK (amount > 0),
    CHECK (from_account <> to_account)
) WITHOUT ROWID;

-- Upstream accounts. Rows may be inserted by hand with type, name, key,
-- status, base_url, models and created_time; a plain key is sealed when seen.
CREATE TABLE IF NOT EXISTS channels (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type           INT NOT NULL,                 -- 41: Kling
    name           TEXT NOT NULL DEFAULT '',
    key          TEXT NOT NULL,              -- one key a line, sealed
    status         INT NOT NULL DEFAULT 1,       -- 1 enabled, 2 disabled, 3 broken, 4 draining
    base_url       TEXT NOT NULL DEFAULT '',
    models         TEXT,                       -- comma list
    created_time   BIGINT NOT NULL DEFAULT 0,    -- unix seconds
    group_names    TEXT NOT NULL DEFAULT 'default',
    priority       INT NOT NULL DEFAULT 0,
    weight         INT NOT NULL DEFAULT 1,
    max_live       INT NOT NULL DEFAULT 0,       -- live tasks per upstream model; 0: no limit
    webhook_secret TEXT,                       -- the upstream's signing secrets, one a line, sealed
    reason         TEXT NOT NULL DEFAULT '',   -- why it is broken
    reason_at      BIGINT NOT NULL DEFAULT 0,
    test_time      BIGINT NOT NULL DEFAULT 0,
    test_result    TEXT NOT NULL DEFAULT '',
    version        BIGINT NOT NULL DEFAULT 1
);

-- Live tasks of a channel by model, so that nodes share its limit.
CREATE TABLE IF NOT EXISTS channel_loads (
    channel_id BIGINT NOT NULL,
    model      TEXT NOT NULL,
    live       BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, model)
) WITHOUT ROWID;

-- Tasks of every medium, one row each.
CREATE TABLE IF NOT EXISTS videos (
    task_id          TEXT NOT NULL PRIMARY KEY,
    video_id         TEXT NOT NULL DEFAULT '',   -- the upstream's id of the result
    user_id          BIGINT NOT NULL,
    token_id         BIGINT NOT NULL DEFAULT 0,
    channel_id       BIGINT NOT NULL DEFAULT 0,
    model            TEXT NOT NULL,
    provider         TEXT NOT NULL,
    type             TEXT NOT NULL,
    status           TEXT NOT NULL,
    quota            BIGINT NOT NULL,              -- the price: held at first, captured on success
    charged          BIGINT NOT NULL DEFAULT 0,
    prompt           TEXT NOT NULL,
    duration         INT NOT NULL DEFAULT 0,       -- seconds
    store_url        TEXT,                       -- address of the result
    fail_code        TEXT NOT NULL DEFAULT '',
    fail_reason      TEXT,
    created_at       BIGINT NOT NULL,              -- unix seconds
    updated_at       BIGINT NOT NULL,
    submitted_at     BIGINT NOT NULL DEFAULT 0,
    finished_at      BIGINT NOT NULL DEFAULT 0,
    deadline_at      BIGINT NOT NULL,
    send_before      BIGINT NOT NULL,
    next_check_at    BIGINT,                       -- NULL once terminal
    checks           INT NOT NULL DEFAULT 0,
    absences         INT NOT NULL DEFAULT 0,
    first_absent_at  BIGINT NOT NULL DEFAULT 0,
    epoch            BIGINT NOT NULL DEFAULT 0,    -- raised by every step; a step names the one it saw
    attempt          INT NOT NULL DEFAULT 0,
    resent           INT NOT NULL DEFAULT 0,
    key_id           TEXT NOT NULL DEFAULT '',
    ref              TEXT NOT NULL DEFAULT '',    -- our external id at the upstream
    upstream_task_id TEXT,
    external_task_id TEXT,                       -- the caller's own id
    route            TEXT NOT NULL,
    mode             TEXT NOT NULL DEFAULT '',
    aspect_ratio     TEXT NOT NULL DEFAULT '',
    price_rule       TEXT NOT NULL DEFAULT '',
    price_version    BIGINT NOT NULL DEFAULT 0,
    callback_url     TEXT,
    tags             TEXT,                       -- JSON object of strings
    test             INT NOT NULL DEFAULT 0,
    request_id       TEXT NOT NULL DEFAULT '',
    result           TEXT,                       -- the upstream's result object
    costs            TEXT,                       -- JSON: what the upstream billed
    CHECK (quota >= 0),
    CHECK (charged >= 0 AND charged <= quota)
);
CREATE UNIQUE INDEX IF NOT EXISTS videos_upstream ON videos (channel_id, upstream_task_id) WHERE upstream_task_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS videos_external ON videos (user_id, external_task_id) WHERE external_task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS videos_user ON videos (user_id, task_id);
CREATE INDEX IF NOT EXISTS videos_due ON videos (next_check_at) WHERE next_check_at IS NOT NULL;

-- The order as the upstream gets it, for sending and for the task's page, in
-- pieces of at most 1 MB: servers bound the size of a statement.
CREATE TABLE IF NOT EXISTS task_requests (
    task_id TEXT NOT NULL,
    n       INT NOT NULL DEFAULT 0,
    body    BLOB NOT NULL,
    PRIMARY KEY (task_id, n)
);

-- Outcomes of create calls. The call itself is committed in videos (attempt,
-- channel_id, key_id, ref) before its first byte is sent.
CREATE TABLE IF NOT EXISTS attempts (
    task_id          TEXT NOT NULL,
    n                INT NOT NULL,
    channel_id       BIGINT NOT NULL,
    key_id           TEXT NOT NULL,
    ref              TEXT NOT NULL,
    outcome          TEXT NOT NULL,
    http_status      INT NOT NULL DEFAULT 0,
    code             INT NOT NULL DEFAULT 0,
    message          TEXT,
    upstream_task_id TEXT,
    sent_at          BIGINT NOT NULL,
    answered_at      BIGINT NOT NULL,
    PRIMARY KEY (task_id, n, sent_at)
) WITHOUT ROWID;

-- What upstreams called back, once each; hints that settle nothing.
CREATE TABLE IF NOT EXISTS callbacks (
    task_id     TEXT NOT NULL,
    attempt     INT NOT NULL,
    hash        TEXT NOT NULL,
    signed      INT NOT NULL DEFAULT 0,            -- 1: the upstream's own signature was verified
    status      TEXT NOT NULL DEFAULT '',
    body        TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (task_id, attempt, hash)
) WITHOUT ROWID;

-- The outbox: written with the settling step, delivered by the deliverer.
CREATE TABLE IF NOT EXISTS events (
    id         TEXT NOT NULL PRIMARY KEY,
    task_id    TEXT NOT NULL,
    type       TEXT NOT NULL,
    user_id    BIGINT NOT NULL,
    payload    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (task_id, type)
);

CREATE TABLE IF NOT EXISTS deliveries (
    event_id     TEXT NOT NULL,
    endpoint_id  BIGINT NOT NULL DEFAULT 0,        -- 0: the request's callback_url
    user_id      BIGINT NOT NULL,
    url          TEXT NOT NULL,
    status       TEXT NOT NULL DEFAULT 'pending', -- pending, delivered, failed
    tries        INT NOT NULL DEFAULT 0,
    next_try_at  BIGINT,                           -- NULL when nothing is left to do
    last_code    INT NOT NULL DEFAULT 0,           -- HTTP status of the last try
    last_error   TEXT NOT NULL DEFAULT '',
    delivered_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (event_id, endpoint_id)
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS idempotency_keys (
    user_id    BIGINT NOT NULL,
    idem_key   TEXT NOT NULL,
    hash       TEXT NOT NULL,                     -- hex SHA-256 of method, path and body
    task_id    TEXT NOT NULL,
    status     INT NOT NULL DEFAULT 0,             -- HTTP status answered; 0: not yet
    body       TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, idem_key)
);

-- Prices: the whole catalogue, one row a version, the highest in force.
CREATE TABLE IF NOT EXISTS price_versions (
    version    BIGINT NOT NULL PRIMARY KEY,
    rules      TEXT NOT NULL,                    -- JSON, see package price
    actor      TEXT NOT NULL,
    note       TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS settings (
    name       TEXT NOT NULL PRIMARY KEY,
    value      TEXT NOT NULL,                    -- JSON
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
);

-- Counters that tell nodes to read again.
CREATE TABLE IF NOT EXISTS versions (
    name    TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- Every change of money, keys, prices or roles by a person. Append-only.
CREATE TABLE IF NOT EXISTS audit (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    created_at BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    target     TEXT NOT NULL,
    detail     TEXT,                             -- JSON, secrets left out
    request_id TEXT NOT NULL DEFAULT '',
    address    TEXT NOT NULL DEFAULT ''
);

-- Ledger and audit are append-only, whoever writes.
-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS postings_no_update BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'postings is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS postings_no_delete BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'postings is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
