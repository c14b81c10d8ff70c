-- +goose Up

-- Waiting tasks of one lane are sent by turns of their users: each task has a
-- turn, the lowest goes first, and of equal ones the older. A user's next task
-- gets the turn after their last, or that of the lane's head if it is higher.
ALTER TABLE task_queue ADD COLUMN IF NOT EXISTS user_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task_queue ADD COLUMN IF NOT EXISTS turn BIGINT NOT NULL DEFAULT 0;
DROP INDEX IF EXISTS task_queue_lane;
CREATE INDEX IF NOT EXISTS task_queue_turns ON task_queue (model, route, group_name, turn, task_id);
CREATE INDEX IF NOT EXISTS task_queue_users ON task_queue (user_id, model, route, group_name, turn);

UPDATE task_queue SET user_id = COALESCE((SELECT v.user_id FROM videos v WHERE v.task_id = task_queue.task_id), 0);
UPDATE task_queue SET turn = x.n FROM (
    SELECT task_id, ROW_NUMBER() OVER (PARTITION BY provider, route, model, group_name, test, user_id ORDER BY task_id) AS n FROM task_queue
) AS x WHERE x.task_id = task_queue.task_id;
