-- What people said of documents, one grade a rater, query and document; qrels hold what most of them say.
CREATE TABLE ratings (
    dataset  VARCHAR NOT NULL,
    rater    VARCHAR NOT NULL,
    query_id VARCHAR NOT NULL,
    doc_id   VARCHAR NOT NULL,
    grade    INTEGER NOT NULL,
    rated_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (dataset, rater, query_id, doc_id)
);

ALTER TABLE datasets ADD COLUMN guidelines VARCHAR DEFAULT '';  -- what raters go by
