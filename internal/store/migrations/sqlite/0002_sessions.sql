-- +goose Up

-- Sign-ins. The cookie holds a random text; its hash is here, so that a copy of
-- the table signs nobody in.
CREATE TABLE IF NOT EXISTS sessions (
    hash         TEXT NOT NULL PRIMARY KEY,
    user_id      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    address      TEXT NOT NULL DEFAULT '',
    agent        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id);

-- Tokens for scripts that call the management API, as their user.
CREATE TABLE IF NOT EXISTS personal_tokens (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id      BIGINT NOT NULL,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL UNIQUE,
    prefix       TEXT NOT NULL,
    expires_at   BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS personal_tokens_user ON personal_tokens (user_id, id);
