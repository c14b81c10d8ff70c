-- +goose Up

-- One-time secrets: the set-up link, links that reset a password, and the state
-- of a ceremony that a browser is going through. The holder has a random text;
-- its hash is here, and the row goes when it is used.
CREATE TABLE IF NOT EXISTS tickets (
    hash       TEXT NOT NULL PRIMARY KEY,
    purpose    TEXT NOT NULL, -- setup, reset, passkey.add, passkey.sign_in, oidc
    user_id    BIGINT NOT NULL DEFAULT 0,
    data       TEXT NOT NULL, -- sealed
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS tickets_expiry ON tickets (expires_at);

-- Second factors. last_step is the latest time step whose code was accepted, so
-- that a code works once.
CREATE TABLE IF NOT EXISTS totp (
    user_id      BIGINT NOT NULL PRIMARY KEY,
    secret       TEXT NOT NULL, -- sealed
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL DEFAULT 0, -- 0: being set up, asked of nobody
    last_step    BIGINT NOT NULL DEFAULT 0
);

-- Codes that stand in for a lost second factor, each used once.
CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id BIGINT NOT NULL,
    hash    TEXT NOT NULL,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE IF NOT EXISTS passkeys (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id       BIGINT NOT NULL,
    name          TEXT NOT NULL,
    site          TEXT NOT NULL, -- the domain it was made for
    credential_id TEXT NOT NULL UNIQUE, -- hex SHA-256 of the credential's id, which may be long
    record        TEXT NOT NULL, -- JSON: public key, counter, flags
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS passkeys_user ON passkeys (user_id, id);

-- Accounts at the OIDC provider. Only issuer and subject identify one.
CREATE TABLE IF NOT EXISTS oidc_identities (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    user_id      BIGINT NOT NULL,
    label        TEXT NOT NULL DEFAULT '', -- name or address there, to recognise it by
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE (issuer, subject)
);
CREATE INDEX IF NOT EXISTS oidc_identities_user ON oidc_identities (user_id);

-- Invitations to register.
CREATE TABLE IF NOT EXISTS invitations (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    hash        TEXT NOT NULL UNIQUE, -- of the code; the code itself is kept nowhere
    prefix      TEXT NOT NULL,
    note        TEXT NOT NULL DEFAULT '',
    uses        INT NOT NULL, -- how often it may be used
    used        INT NOT NULL DEFAULT 0,
    group_name  TEXT NOT NULL DEFAULT 'default',
    grant_quota BIGINT NOT NULL DEFAULT 0, -- opening balance of who comes with it
    created_by  BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL DEFAULT 0, -- 0: never
    revoked_at  BIGINT NOT NULL DEFAULT 0,
    CHECK (used >= 0 AND used <= uses),
    CHECK (grant_quota >= 0)
);
