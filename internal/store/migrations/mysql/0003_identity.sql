-- +goose Up

-- One-time secrets: the set-up link, links that reset a password, and the state
-- of a ceremony that a browser is going through. The holder has a random text;
-- its hash is here, and the row goes when it is used.
CREATE TABLE IF NOT EXISTS tickets (
    hash       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    purpose    VARCHAR(32) NOT NULL, -- setup, reset, passkey.add, passkey.sign_in, oidc
    user_id    BIGINT NOT NULL DEFAULT 0,
    data       MEDIUMTEXT NOT NULL, -- sealed
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY tickets_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Second factors. last_step is the latest time step whose code was accepted, so
-- that a code works once.
CREATE TABLE IF NOT EXISTS totp (
    user_id      BIGINT NOT NULL PRIMARY KEY,
    secret       MEDIUMTEXT NOT NULL, -- sealed
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL DEFAULT 0, -- 0: being set up, asked of nobody
    last_step    BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Codes that stand in for a lost second factor, each used once.
CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id BIGINT NOT NULL,
    hash    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (user_id, hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS passkeys (
    id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id       BIGINT NOT NULL,
    name          VARCHAR(255) NOT NULL,
    site          VARCHAR(255) NOT NULL, -- the domain it was made for
    credential_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE, -- hex SHA-256 of the credential's id, which may be long
    record        MEDIUMTEXT NOT NULL, -- JSON: public key, counter, flags
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL DEFAULT 0,
    KEY passkeys_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Accounts at the OIDC provider. Only issuer and subject identify one.
CREATE TABLE IF NOT EXISTS oidc_identities (
    id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    issuer       VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject      VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id      BIGINT NOT NULL,
    label        VARCHAR(255) NOT NULL DEFAULT '', -- name or address there, to recognise it by
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE (issuer, subject),
    KEY oidc_identities_user (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Invitations to register.
CREATE TABLE IF NOT EXISTS invitations (
    id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    hash        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE, -- of the code; the code itself is kept nowhere
    prefix      VARCHAR(32) NOT NULL,
    note        VARCHAR(255) NOT NULL DEFAULT '',
    uses        INT NOT NULL, -- how often it may be used
    used        INT NOT NULL DEFAULT 0,
    group_name  VARCHAR(64) NOT NULL DEFAULT 'default',
    grant_quota BIGINT NOT NULL DEFAULT 0, -- opening balance of who comes with it
    created_by  BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL DEFAULT 0, -- 0: never
    revoked_at  BIGINT NOT NULL DEFAULT 0,
    CHECK (used >= 0 AND used <= uses),
    CHECK (grant_quota >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
