-- What people say and decide, and what entries of the audit log are about: activity is a part of them.
ALTER TABLE audit ADD COLUMN project VARCHAR;  -- none: of the instance
ALTER TABLE audit ADD COLUMN kind VARCHAR;     -- experiment, dataset
ALTER TABLE audit ADD COLUMN target VARCHAR;   -- its id

CREATE SEQUENCE comment_numbers;
CREATE TABLE comments (
    number     BIGINT PRIMARY KEY DEFAULT nextval('comment_numbers'),
    project    VARCHAR NOT NULL,
    experiment VARCHAR NOT NULL,
    variant    VARCHAR,
    query      VARCHAR,
    person     VARCHAR NOT NULL,
    account    VARCHAR,
    text       VARCHAR NOT NULL,
    written_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    edited_at  TIMESTAMP
);

CREATE SEQUENCE decision_numbers;
CREATE TABLE decisions (               -- the newest one counts; rows are only ever added
    number     BIGINT PRIMARY KEY DEFAULT nextval('decision_numbers'),
    project    VARCHAR NOT NULL,
    experiment VARCHAR NOT NULL,
    variant    VARCHAR,                -- none: none of them ships
    reason     VARCHAR NOT NULL,
    person     VARCHAR NOT NULL,
    account    VARCHAR,
    decided_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now()))
);
