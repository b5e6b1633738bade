-- What is recorded of an experiment has a number; whatever changes it takes the next one (ADR 0019).
-- One sequence for all experiments: one that is deleted and submitted again never has a number twice.
CREATE SEQUENCE revisions;

ALTER TABLE experiments ADD COLUMN revision BIGINT;  -- DuckDB adds no column that is NOT NULL

UPDATE experiments SET revision = nextval('revisions');
