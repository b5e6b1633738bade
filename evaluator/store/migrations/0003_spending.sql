ALTER TABLE experiments ADD COLUMN reason VARCHAR;  -- why it was stopped; NULL if a person cancelled it

-- What requests to endpoints cost; a row a request.
CREATE TABLE spending (
    experiment    VARCHAR NOT NULL,
    id            VARCHAR NOT NULL,
    endpoint      VARCHAR NOT NULL,
    tokens        BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    micro_usd     BIGINT NOT NULL,       -- millionths of a USD
    recorded_at   TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (experiment, id)
);
