-- What a variant costs; measured once it is evaluated.
CREATE TABLE variant_costs (
    experiment  VARCHAR NOT NULL,
    variant     VARCHAR NOT NULL,
    cost        JSON,                  -- NULL: it could not be measured
    error       VARCHAR,               -- why
    measured_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (experiment, variant)
);
