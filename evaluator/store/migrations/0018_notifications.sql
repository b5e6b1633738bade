-- Who is told what, and what is still to be sent.
CREATE TABLE preferences (
    account    VARCHAR PRIMARY KEY,
    events     VARCHAR[] NOT NULL,
    everybodys BOOLEAN NOT NULL,       -- also about experiments that others started
    baseline   VARCHAR,
    max_loss   DOUBLE NOT NULL,
    in_app     BOOLEAN NOT NULL,
    mail_to    VARCHAR,
    webhook    BOOLEAN NOT NULL
);

CREATE TABLE webhooks (                -- secret: with the address anybody can post, with the key as this instance
    account VARCHAR PRIMARY KEY,
    url     VARCHAR NOT NULL,
    key     VARCHAR NOT NULL
);

CREATE TABLE notifications (           -- what is listed in the app
    id         VARCHAR PRIMARY KEY,
    account    VARCHAR NOT NULL,
    project    VARCHAR NOT NULL,
    experiment VARCHAR NOT NULL,
    event      VARCHAR NOT NULL,
    title      VARCHAR NOT NULL,
    text       VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    read_at    TIMESTAMP
);

CREATE TABLE deliveries (              -- the outbox
    id         VARCHAR PRIMARY KEY,    -- sent along
    account    VARCHAR NOT NULL,       -- empty: the instance's own webhook
    channel    VARCHAR NOT NULL,       -- webhook, mail
    project    VARCHAR NOT NULL,
    experiment VARCHAR NOT NULL,
    event      VARCHAR NOT NULL,
    title      VARCHAR NOT NULL,
    text       VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    attempts   INTEGER NOT NULL DEFAULT 0,
    next_at    TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    sent_at    TIMESTAMP,
    failed_at  TIMESTAMP,
    error      VARCHAR
);

CREATE TABLE noticed (number BIGINT NOT NULL);  -- the last entry of the audit log that was made into notifications
INSERT INTO noticed SELECT coalesce(max(number), 0) FROM audit;
