CREATE TABLE share_links (          -- whoever has one sees a part of an experiment, without an account
    id         VARCHAR PRIMARY KEY,
    digest     VARCHAR NOT NULL,    -- of the secret in its address
    experiment VARCHAR NOT NULL,
    part       VARCHAR NOT NULL,    -- report, leaderboard, comparison
    choices    JSON NOT NULL,       -- measure, baseline, a and b, where they are chosen
    person     VARCHAR NOT NULL,    -- who made it
    account    VARCHAR,
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    expires_at TIMESTAMP NOT NULL,
    opened_at  TIMESTAMP            -- the last time
);

ALTER TABLE projects ADD COLUMN shares BOOLEAN DEFAULT true; -- whether there may be share links
