-- Edits of judgments that experiments have yet to follow (ADR 0029): written with the version that an edit makes.
CREATE TABLE steps (
    dataset BIGINT NOT NULL,
    version INTEGER NOT NULL,      -- what the edit made of the version before
    PRIMARY KEY (dataset, version)
);

-- Who has followed such an edit: once, also if what came of it was deleted. The rows go with their step.
CREATE TABLE followed (
    dataset    BIGINT NOT NULL,
    version    INTEGER NOT NULL,
    experiment VARCHAR NOT NULL,   -- over the version before
    PRIMARY KEY (dataset, version, experiment)
);
