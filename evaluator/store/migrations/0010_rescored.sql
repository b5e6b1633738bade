-- Judgments change scores and no list (ADR 0029): experiments that differ in their judgments alone share one run.
-- run: whose rows of results, variants and costs an experiment has; NULL: its own, which are scored by its judgments.
-- place: the later of a run's experiments has the higher.
ALTER TABLE experiments ADD COLUMN run VARCHAR;
ALTER TABLE experiments ADD COLUMN place INTEGER DEFAULT 0;

-- A run's scores by other judgments: of each query the last at or before an experiment's place counts, else the run's.
CREATE TABLE rescored (
    run      VARCHAR NOT NULL,
    place    INTEGER NOT NULL,
    variant  VARCHAR NOT NULL,
    query_id VARCHAR NOT NULL,
    measures MAP(VARCHAR, DOUBLE) NOT NULL
);

-- By which dataset's judgments a run was rescored, and in which order.
CREATE TABLE rescorings (
    run     VARCHAR NOT NULL,
    place   INTEGER NOT NULL,
    dataset VARCHAR NOT NULL,
    PRIMARY KEY (run, place)
);
