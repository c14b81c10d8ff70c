-- +goose Up

-- What ended in each hour by the tags of tasks, folded with usage_hours. The
-- names of tags are kept as the values of a tag without a name, so that each
-- task stands in one row for each of its tags, and in one for each of their
-- names. A user has a bounded number of values of a tag in an hour.
CREATE TABLE IF NOT EXISTS usage_tag_hours (
    tag            TEXT NOT NULL,               -- '': value is the name of a tag
    hour           BIGINT NOT NULL,             -- unix seconds of its beginning
    user_id        BIGINT NOT NULL,
    test           INT NOT NULL DEFAULT 0,      -- 1: the play ledger
    rest           INT NOT NULL DEFAULT 0,      -- 1: all values of this user and hour that have no row of their own
    value          TEXT NOT NULL,               -- '' of the rest
    status         TEXT NOT NULL,               -- succeed or failed
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
    PRIMARY KEY (tag, hour, user_id, test, rest, value, status)
);
