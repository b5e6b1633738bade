-- When an experiment was asked for, also where all of it was there already: what histories go by.
CREATE TABLE submissions (
    experiment   VARCHAR NOT NULL,
    submitted_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now()))
);

INSERT INTO submissions (experiment, submitted_at) SELECT id, created_at FROM experiments ORDER BY created_at;
