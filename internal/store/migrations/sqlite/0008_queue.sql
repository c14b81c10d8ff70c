-- +goose Up

-- Tasks that are pending; they are sent in the order of their ids, which is that
-- of their acceptance. A row is written and removed with the step that makes its
-- task pending or sends it.
CREATE TABLE IF NOT EXISTS task_queue (
    task_id     TEXT NOT NULL PRIMARY KEY,
    provider    TEXT NOT NULL,
    route       TEXT NOT NULL,
    model       TEXT NOT NULL,
    group_name  TEXT NOT NULL,      -- of the task's owner when it began to wait
    test        INT NOT NULL DEFAULT 0,
    not_before  BIGINT NOT NULL,     -- a rest after a refusal, or the lease of the node that sends it
    send_before BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS task_queue_lane ON task_queue (model, route, group_name, task_id);
CREATE INDEX IF NOT EXISTS task_queue_end ON task_queue (send_before);

INSERT INTO task_queue (task_id, provider, route, model, group_name, test, not_before, send_before)
SELECT v.task_id, v.provider, v.route, v.model, u.group_name, v.test, 0, v.send_before
FROM videos v JOIN users u ON u.id = v.user_id
WHERE v.status = 'pending' AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.task_id = v.task_id);

-- A channel's circuit, shared by the nodes: until when no order is sent to it,
-- and how often in a row it has opened.
ALTER TABLE channels ADD COLUMN circuit_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN circuit_opens INT NOT NULL DEFAULT 0;

-- The limit that the upstream's own refusals taught, 0: none, and when it is
-- tried whether one more fits.
ALTER TABLE channel_loads ADD COLUMN learned BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channel_loads ADD COLUMN learned_until BIGINT NOT NULL DEFAULT 0;
