-- +goose Up

-- Who may call.
CREATE TABLE IF NOT EXISTS user_groups (
    name        VARCHAR(64) NOT NULL PRIMARY KEY,
    title       VARCHAR(255) NOT NULL DEFAULT '',
    ratio       VARCHAR(32) NOT NULL DEFAULT '1',      -- exact decimal text; applied last to a price
    created_at  BIGINT NOT NULL,                 -- unix milliseconds, as every time below unless it says seconds
    version     BIGINT NOT NULL DEFAULT 1        -- raised by each edit; an edit names the one it saw
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS users (
    id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(64) NOT NULL UNIQUE,
    display_name  VARCHAR(255) NOT NULL DEFAULT '',
    email         VARCHAR(255) NOT NULL DEFAULT '',
    password_hash VARCHAR(255) NOT NULL DEFAULT '',    -- argon2id; empty: cannot sign in with a password
    role          VARCHAR(16) NOT NULL DEFAULT 'user', -- root, admin, user
    status        INT NOT NULL DEFAULT 1,        -- 1 enabled, 2 disabled
    group_name    VARCHAR(64) NOT NULL DEFAULT 'default',
    webhook_generation INT NOT NULL DEFAULT 1,   -- raised by each rotation of the signing secret
    webhook_rotated_at BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1,
    changed       BIGINT NOT NULL DEFAULT 0      -- value of versions.directory at the last change
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tokens (
    id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id       BIGINT NOT NULL,
    name          VARCHAR(255) NOT NULL,
    hash          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,         -- hex SHA-256 of the token; the token itself is kept nowhere
    prefix        VARCHAR(32) NOT NULL,
    access_key    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    status        INT NOT NULL DEFAULT 1,        -- 1 enabled, 2 disabled
    test          INT NOT NULL DEFAULT 0,        -- 1: the play ledger and the simulated upstream
    expires_at    BIGINT NOT NULL DEFAULT 0,     -- 0: never
    models        MEDIUMTEXT,                        -- comma list; empty: all
    networks      MEDIUMTEXT,                        -- comma list of addresses and prefixes; empty: all
    rate          INT NOT NULL DEFAULT 0,        -- requests a minute; 0: the default
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL DEFAULT 0,
    version       BIGINT NOT NULL DEFAULT 1,
    changed       BIGINT NOT NULL DEFAULT 0,
    KEY tokens_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What a token may spend over its life. limit_quota NULL: no limit.
CREATE TABLE IF NOT EXISTS token_budgets (
    token_id    BIGINT NOT NULL PRIMARY KEY,
    limit_quota BIGINT,
    held        BIGINT NOT NULL DEFAULT 0,
    used        BIGINT NOT NULL DEFAULT 0,
    CHECK (limit_quota IS NULL OR held + used <= limit_quota),
    CHECK (held >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The ledger. Accounts of users have a stored balance; the operator's are the
-- sum of their postings. id = owner * 16 + purpose, see package ledger.
CREATE TABLE IF NOT EXISTS accounts (
    id      BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    purpose VARCHAR(16) NOT NULL,
    balance BIGINT NOT NULL DEFAULT 0,
    CHECK (balance >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS journal (
    id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,                   -- hold, capture, release, topup, grant, redeem, adjust, loss
    task_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    phase      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,                            -- hold or settle; NULL without a task
    reference  VARCHAR(128),
    user_id    BIGINT NOT NULL,
    token_id   BIGINT NOT NULL DEFAULT 0,
    actor      VARCHAR(64) NOT NULL,
    memo       VARCHAR(255) NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    UNIQUE (task_id, phase),
    UNIQUE (kind, reference),
    KEY journal_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS postings (
    journal_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    n            INT NOT NULL,
    from_account BIGINT NOT NULL,
    to_account   BIGINT NOT NULL,
    amount       BIGINT NOT NULL,
    PRIMARY KEY (journal_id, n),
    CHECK (amount > 0),
    CHECK (from_account <> to_account)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Upstream accounts. Rows may be inserted by hand with type, name, key,
-- status, base_url, models and created_time; a plain key is sealed when seen.
CREATE TABLE IF NOT EXISTS channels (
    id             BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    type           INT NOT NULL,                 -- 41: Kling
    name           VARCHAR(255) NOT NULL DEFAULT '',
    `key`          MEDIUMTEXT NOT NULL,              -- one key a line, sealed
    status         INT NOT NULL DEFAULT 1,       -- 1 enabled, 2 disabled, 3 broken, 4 draining
    base_url       VARCHAR(255) NOT NULL DEFAULT '',
    models         MEDIUMTEXT,                       -- comma list
    created_time   BIGINT NOT NULL DEFAULT 0,    -- unix seconds
    group_names    VARCHAR(255) NOT NULL DEFAULT 'default',
    priority       INT NOT NULL DEFAULT 0,
    weight         INT NOT NULL DEFAULT 1,
    max_live       INT NOT NULL DEFAULT 0,       -- live tasks per upstream model; 0: no limit
    webhook_secret MEDIUMTEXT,                       -- the upstream's signing secrets, one a line, sealed
    reason         VARCHAR(255) NOT NULL DEFAULT '',   -- why it is broken
    reason_at      BIGINT NOT NULL DEFAULT 0,
    test_time      BIGINT NOT NULL DEFAULT 0,
    test_result    VARCHAR(255) NOT NULL DEFAULT '',
    version        BIGINT NOT NULL DEFAULT 1
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Live tasks of a channel by model, so that nodes share its limit.
CREATE TABLE IF NOT EXISTS channel_loads (
    channel_id BIGINT NOT NULL,
    model      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    live       BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, model)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Tasks of every medium, one row each.
CREATE TABLE IF NOT EXISTS videos (
    task_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    video_id         VARCHAR(128) NOT NULL DEFAULT '',   -- the upstream's id of the result
    user_id          BIGINT NOT NULL,
    token_id         BIGINT NOT NULL DEFAULT 0,
    channel_id       BIGINT NOT NULL DEFAULT 0,
    model            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    provider         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type             VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quota            BIGINT NOT NULL,              -- the price: held at first, captured on success
    charged          BIGINT NOT NULL DEFAULT 0,
    prompt           MEDIUMTEXT NOT NULL,
    duration         INT NOT NULL DEFAULT 0,       -- seconds
    store_url        MEDIUMTEXT,                       -- address of the result
    fail_code        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    fail_reason      MEDIUMTEXT,
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
    key_id           VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    ref              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',    -- our external id at the upstream
    upstream_task_id VARCHAR(128),
    external_task_id VARCHAR(255),                       -- the caller's own id
    route            VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mode             VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    aspect_ratio     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    price_rule       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    price_version    BIGINT NOT NULL DEFAULT 0,
    callback_url     MEDIUMTEXT,
    tags             MEDIUMTEXT,                       -- JSON object of strings
    test             INT NOT NULL DEFAULT 0,
    request_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    result           MEDIUMTEXT,                       -- the upstream's result object
    costs            MEDIUMTEXT,                       -- JSON: what the upstream billed
    CHECK (quota >= 0),
    CHECK (charged >= 0 AND charged <= quota),
    UNIQUE KEY videos_upstream (channel_id, upstream_task_id),
    UNIQUE KEY videos_external (user_id, external_task_id),
    KEY videos_user (user_id, task_id),
    KEY videos_due (next_check_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The order as the upstream gets it, for sending and for the task's page, in
-- pieces of at most 1 MB: servers bound the size of a statement.
CREATE TABLE IF NOT EXISTS task_requests (
    task_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    n       INT NOT NULL DEFAULT 0,
    body    LONGBLOB NOT NULL,
    PRIMARY KEY (task_id, n)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Outcomes of create calls. The call itself is committed in videos (attempt,
-- channel_id, key_id, ref) before its first byte is sent.
CREATE TABLE IF NOT EXISTS attempts (
    task_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    n                INT NOT NULL,
    channel_id       BIGINT NOT NULL,
    key_id           VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ref              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    outcome          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    http_status      INT NOT NULL DEFAULT 0,
    code             INT NOT NULL DEFAULT 0,
    message          MEDIUMTEXT,
    upstream_task_id VARCHAR(128),
    sent_at          BIGINT NOT NULL,
    answered_at      BIGINT NOT NULL,
    PRIMARY KEY (task_id, n, sent_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What upstreams called back, once each; hints that settle nothing.
CREATE TABLE IF NOT EXISTS callbacks (
    task_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    attempt     INT NOT NULL,
    hash        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    signed      INT NOT NULL DEFAULT 0,            -- 1: the upstream's own signature was verified
    status      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    body        MEDIUMTEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (task_id, attempt, hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The outbox: written with the settling step, delivered by the deliverer.
CREATE TABLE IF NOT EXISTS events (
    id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    task_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id    BIGINT NOT NULL,
    payload    MEDIUMTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (task_id, type)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS deliveries (
    event_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    endpoint_id  BIGINT NOT NULL DEFAULT 0,        -- 0: the request's callback_url
    user_id      BIGINT NOT NULL,
    url          MEDIUMTEXT NOT NULL,
    status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'pending', -- pending, delivered, failed
    tries        INT NOT NULL DEFAULT 0,
    next_try_at  BIGINT,                           -- NULL when nothing is left to do
    last_code    INT NOT NULL DEFAULT 0,           -- HTTP status of the last try
    last_error   VARCHAR(255) NOT NULL DEFAULT '',
    delivered_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (event_id, endpoint_id),
    KEY deliveries_due (next_try_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS idempotency_keys (
    user_id    BIGINT NOT NULL,
    idem_key   VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,                     -- hex SHA-256 of method, path and body
    task_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status     INT NOT NULL DEFAULT 0,             -- HTTP status answered; 0: not yet
    body       MEDIUMTEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, idem_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Prices: the whole catalogue, one row a version, the highest in force.
CREATE TABLE IF NOT EXISTS price_versions (
    version    BIGINT NOT NULL PRIMARY KEY,
    rules      MEDIUMTEXT NOT NULL,                    -- JSON, see package price
    actor      VARCHAR(64) NOT NULL,
    note       VARCHAR(255) NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS settings (
    name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    value      MEDIUMTEXT NOT NULL,                    -- JSON
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Counters that tell nodes to read again.
CREATE TABLE IF NOT EXISTS versions (
    name    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Every change of money, keys, prices or roles by a person. Append-only.
CREATE TABLE IF NOT EXISTS audit (
    id         BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    actor      VARCHAR(64) NOT NULL,
    action     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    target     VARCHAR(128) NOT NULL,
    detail     MEDIUMTEXT,                             -- JSON, secrets left out
    request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    address    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
