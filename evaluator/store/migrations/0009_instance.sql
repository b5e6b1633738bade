-- Who this database is: made once, and copied with it. By it an instance knows its Redis database again (ADR 0022).
CREATE TABLE instance (identity VARCHAR PRIMARY KEY);

INSERT INTO instance (identity) VALUES (uuid()::VARCHAR);
