-- +goose Up

-- Tasks that are pending; they are sent in the order of their ids, which is that
-- of their acceptance. A row is written and removed with the step that makes its
-- task pending or sends it.
CREATE TABLE IF NOT EXISTS task_queue (
    task_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    provider    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    route       VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    model       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    group_name  VARCHAR(64) NOT NULL,      -- of the task's owner when it began to wait
    test        INT NOT NULL DEFAULT 0,
    not_before  BIGINT NOT NULL,     -- a rest after a refusal, or the lease of the node that sends it
    send_before BIGINT NOT NULL,
    KEY task_queue_lane (model, route, group_name, task_id),
    KEY task_queue_end (send_before)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT INTO task_queue (task_id, provider, route, model, group_name, test, not_before, send_before)
SELECT v.task_id, v.provider, v.route, v.model, u.group_name, v.test, 0, v.send_before
FROM videos v JOIN users u ON u.id = v.user_id
WHERE v.status = 'pending' AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.task_id = v.task_id);

-- A channel's circuit, shared by the nodes: until when no order is sent to it,
-- and how often in a row it has opened.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'channels' AND column_name = 'circuit_until'),
    'DO 0',
    'ALTER TABLE channels ADD COLUMN circuit_until BIGINT NOT NULL DEFAULT 0, ADD COLUMN circuit_opens INT NOT NULL DEFAULT 0');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;

-- The limit that the upstream's own refusals taught, 0: none, and when it is
-- tried whether one more fits.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'channel_loads' AND column_name = 'learned'),
    'DO 0',
    'ALTER TABLE channel_loads ADD COLUMN learned BIGINT NOT NULL DEFAULT 0, ADD COLUMN learned_until BIGINT NOT NULL DEFAULT 0');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;
