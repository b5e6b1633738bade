CREATE TABLE datasets_of_projects (
    id          BIGINT PRIMARY KEY DEFAULT nextval('dataset_ids'),
    name        VARCHAR NOT NULL,
    description VARCHAR NOT NULL DEFAULT '',
    tags        VARCHAR[] NOT NULL DEFAULT [],
    guidelines  VARCHAR NOT NULL DEFAULT '',     -- what raters go by
    project     VARCHAR NOT NULL DEFAULT 'main', -- whose it is for ever; its experiments belong to it, too
    UNIQUE (project, name)
);
INSERT INTO datasets_of_projects (id, name, description, tags, guidelines)
SELECT id, name, description, tags, guidelines FROM datasets ORDER BY id;
DROP TABLE datasets;
ALTER TABLE datasets_of_projects RENAME TO datasets;

CREATE TABLE readings_of_projects (
    project   VARCHAR NOT NULL DEFAULT 'main',
    tables    VARCHAR NOT NULL,     -- kinds, members and columns of the tables that were read, as JSON
    dataset   VARCHAR NOT NULL,     -- its name then
    reading   JSON NOT NULL,
    stored_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (project, tables)
);
INSERT INTO readings_of_projects (tables, dataset, reading, stored_at)
SELECT tables, dataset, reading, stored_at FROM readings ORDER BY stored_at;
DROP TABLE readings;
ALTER TABLE readings_of_projects RENAME TO readings;

ALTER TABLE invitations ADD COLUMN project VARCHAR DEFAULT 'main'; -- in which the role is
ALTER TABLE tokens ADD COLUMN project VARCHAR;                     -- the only one that it works in; none: all

-- Quotas; none: no limit.
ALTER TABLE projects ADD COLUMN storage_limit BIGINT;  -- bytes of its datasets
ALTER TABLE projects ADD COLUMN running_limit INTEGER; -- experiments at once
ALTER TABLE projects ADD COLUMN monthly_limit BIGINT;  -- millionths of a USD for endpoints, in a calendar month (UTC)

CREATE TABLE past_spending (        -- of experiments that were deleted
    project   VARCHAR NOT NULL,
    month     DATE NOT NULL,
    micro_usd BIGINT NOT NULL,
    PRIMARY KEY (project, month)
);
