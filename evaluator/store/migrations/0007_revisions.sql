-- What is recorded of an experiment has a number, the greatest here; whatever changes it adds the next one (ADR 0019).
-- One sequence for all experiments: one that is deleted and submitted again never has a number twice.
CREATE SEQUENCE revision_numbers;

-- A row a change, because DuckDB merges no log after an UPDATE while somebody reads.
CREATE TABLE revisions (
    experiment VARCHAR NOT NULL,
    revision   BIGINT NOT NULL DEFAULT nextval('revision_numbers')
);

INSERT INTO revisions (experiment) SELECT id FROM experiments;
