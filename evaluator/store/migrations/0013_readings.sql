-- How uploaded files were read that became a dataset: offered for the next files with the same columns.
CREATE TABLE readings (
    tables    VARCHAR PRIMARY KEY,  -- kinds, members and columns of the tables that were read, as JSON
    dataset   VARCHAR NOT NULL,     -- its name then
    reading   JSON NOT NULL,
    stored_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now()))
);
