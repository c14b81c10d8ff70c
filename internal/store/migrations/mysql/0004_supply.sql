-- +goose Up

-- The audit is asked by who, what and to what; pages go by id. MySQL has no
-- CREATE INDEX IF NOT EXISTS, and a step that was cut off is repeated.
SET @step = (SELECT IF(COUNT(*) > 0, 'DO 0',
    'ALTER TABLE audit ADD KEY audit_actor (actor, id), ADD KEY audit_action (action, id), ADD KEY audit_target (target, id), ADD KEY audit_time (created_at)')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'audit' AND index_name = 'audit_actor');
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
