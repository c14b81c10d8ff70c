-- +goose Up

-- Waiting tasks of one lane are sent by turns of their users: each task has a
-- turn, the lowest goes first, and of equal ones the older. A user's next task
-- gets the turn after their last, or that of the lane's head if it is higher.
SET @change = IF(EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'task_queue' AND column_name = 'turn'),
    'DO 0',
    'ALTER TABLE task_queue ADD COLUMN user_id BIGINT NOT NULL DEFAULT 0, ADD COLUMN turn BIGINT NOT NULL DEFAULT 0,
        DROP KEY task_queue_lane, ADD KEY task_queue_turns (model, route, group_name, turn, task_id),
        ADD KEY task_queue_users (user_id, model, route, group_name, turn)');
PREPARE change_statement FROM @change;
EXECUTE change_statement;
DEALLOCATE PREPARE change_statement;

UPDATE task_queue SET user_id = COALESCE((SELECT v.user_id FROM videos v WHERE v.task_id = task_queue.task_id), 0);
UPDATE task_queue q JOIN (
    SELECT task_id, ROW_NUMBER() OVER (PARTITION BY provider, route, model, group_name, test, user_id ORDER BY task_id) AS n FROM task_queue
) x ON x.task_id = q.task_id SET q.turn = x.n;
