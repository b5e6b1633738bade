-- From which files a version of a dataset was imported last, with their hashes, how they were read, and what was left out.
-- Versions of edited judgments have none, nor do those that were imported before this table existed.
CREATE TABLE provenance (
    dataset BIGINT NOT NULL,
    version INTEGER NOT NULL,
    record  JSON NOT NULL,
    PRIMARY KEY (dataset, version)
);
