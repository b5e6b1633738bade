-- A dataset's name points to the newest of its versions (ADR 0014).
CREATE TABLE dataset_versions (
    name        VARCHAR NOT NULL,
    version     INTEGER NOT NULL,      -- from 1
    fingerprint VARCHAR NOT NULL,
    manifest    JSON NOT NULL,
    source      VARCHAR NOT NULL,
    change      VARCHAR NOT NULL,      -- what it changed, in words
    created_at  TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (name, version)
);

INSERT INTO dataset_versions (name, version, fingerprint, manifest, source, change, created_at)
SELECT name, 1, fingerprint, manifest, source, 'imported', imported_at FROM datasets;

-- DuckDB adds no column that is NOT NULL.
ALTER TABLE datasets ADD COLUMN description VARCHAR DEFAULT '';
ALTER TABLE datasets ADD COLUMN tags VARCHAR[] DEFAULT [];
ALTER TABLE datasets DROP COLUMN fingerprint;
ALTER TABLE datasets DROP COLUMN manifest;
ALTER TABLE datasets DROP COLUMN source;
ALTER TABLE datasets DROP COLUMN imported_at;
