-- +goose Up

-- What the entries of each hour did to each user, folded from journal and
-- postings when the hour has been over for a while.
CREATE TABLE IF NOT EXISTS ledger_hours (
    user_id        BIGINT NOT NULL,
    test           INT NOT NULL DEFAULT 0,      -- 1: the play ledger
    hour           BIGINT NOT NULL,             -- unix seconds of its beginning
    kind           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- as in journal
    entries        BIGINT NOT NULL,
    available      BIGINT NOT NULL,             -- change of the spendable balance
    held           BIGINT NOT NULL,             -- change of what is held for live tasks
    PRIMARY KEY (user_id, test, hour, kind),
    KEY ledger_hours_hour (hour)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Entries that come late to an hour move this mark, which must be there.
INSERT IGNORE INTO usage_marks (name, mark) VALUES ('ledger_late', '');
