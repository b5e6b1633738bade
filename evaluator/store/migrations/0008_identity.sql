-- Datasets have an identity besides their name (ADR 0024): a rename touches one row, and nothing refers to a name.
CREATE SEQUENCE dataset_ids;

CREATE TABLE datasets_by_id (
    id          BIGINT PRIMARY KEY DEFAULT nextval('dataset_ids'),
    name        VARCHAR NOT NULL UNIQUE,
    description VARCHAR NOT NULL DEFAULT '',
    tags        VARCHAR[] NOT NULL DEFAULT [],
    guidelines  VARCHAR NOT NULL DEFAULT ''      -- what raters go by
);
INSERT INTO datasets_by_id (name, description, tags, guidelines)
SELECT name, coalesce(description, ''), coalesce(tags, []), coalesce(guidelines, '') FROM datasets ORDER BY rowid;
-- Experiments whose dataset was deleted or renamed beneath them keep its name, as a dataset without a version.
INSERT INTO datasets_by_id (name)
SELECT DISTINCT dataset FROM experiments WHERE dataset NOT IN (SELECT name FROM datasets) ORDER BY dataset;
DROP TABLE datasets;

CREATE TABLE versions_by_id (
    dataset     BIGINT NOT NULL,
    version     INTEGER NOT NULL,      -- from 1
    fingerprint VARCHAR NOT NULL,
    manifest    JSON NOT NULL,
    source      VARCHAR NOT NULL,
    change      VARCHAR NOT NULL,      -- what it changed, in words
    created_at  TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (dataset, version)
);
INSERT INTO versions_by_id
SELECT d.id, v.version, v.fingerprint, v.manifest, v.source, v.change, v.created_at
FROM dataset_versions v JOIN datasets_by_id d USING (name) ORDER BY v.created_at;
DROP TABLE dataset_versions;

CREATE TABLE ratings_by_id (
    dataset  BIGINT NOT NULL,
    rater    VARCHAR NOT NULL,
    query_id VARCHAR NOT NULL,
    doc_id   VARCHAR NOT NULL,
    grade    INTEGER NOT NULL,
    rated_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (dataset, rater, query_id, doc_id)
);
INSERT INTO ratings_by_id
SELECT d.id, r.rater, r.query_id, r.doc_id, r.grade, r.rated_at
FROM ratings r JOIN datasets_by_id d ON d.name = r.dataset;
DROP TABLE ratings;

ALTER TABLE experiments ADD COLUMN dataset_id BIGINT;
UPDATE experiments SET dataset_id = d.id FROM datasets_by_id d WHERE d.name = experiments.dataset;
ALTER TABLE experiments DROP COLUMN dataset;
ALTER TABLE experiments RENAME COLUMN dataset_id TO dataset;

ALTER TABLE datasets_by_id RENAME TO datasets;
ALTER TABLE versions_by_id RENAME TO dataset_versions;
ALTER TABLE ratings_by_id RENAME TO ratings;

-- Each time an experiment is asked for it gets a number: a planner that finds another one there has been overtaken.
CREATE SEQUENCE attempts;
ALTER TABLE experiments ADD COLUMN attempt BIGINT DEFAULT 0;
