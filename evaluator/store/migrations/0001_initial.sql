-- Moments are UTC without a zone: DuckDB's zones need an extension that its wheels do not always carry.
CREATE MACRO utc_now() AS make_timestamp(epoch_us(now()));

CREATE TABLE datasets (
    name        VARCHAR PRIMARY KEY,
    fingerprint VARCHAR NOT NULL,
    manifest    JSON NOT NULL,
    source      VARCHAR NOT NULL,
    imported_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now()))
);

CREATE TABLE experiments (
    id          VARCHAR PRIMARY KEY,
    name        VARCHAR NOT NULL,
    dataset     VARCHAR NOT NULL,      -- the dataset's name when the experiment was submitted
    spec        JSON NOT NULL,
    n_queries   INTEGER NOT NULL,
    status      VARCHAR NOT NULL,      -- running, finished, cancelled
    created_at  TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    started_at  TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),  -- of the last submission
    finished_at TIMESTAMP
);

CREATE TABLE variants (
    experiment  VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    position    INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL,
    pipeline    JSON NOT NULL,
    error       VARCHAR,               -- why it cannot work at all
    PRIMARY KEY (experiment, name)
);

-- A row is the checkpoint of one query under one variant.
CREATE TABLE results (
    experiment  VARCHAR NOT NULL,
    variant     VARCHAR NOT NULL,
    query_id    VARCHAR NOT NULL,
    doc_ids     VARCHAR[] NOT NULL,
    scores      FLOAT[] NOT NULL,
    measures    MAP(VARCHAR, DOUBLE) NOT NULL,  -- empty: no relevant document, or failed
    seconds     DOUBLE NOT NULL,
    error       VARCHAR,
    recorded_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (experiment, variant, query_id)
);
