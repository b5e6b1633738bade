-- Who people are and what they may do. Secrets are never stored: only digests of sessions, tokens and invitations,
-- and argon2's hashes of passwords. Nothing here is a foreign key: DuckDB updates such rows by deleting them first.
CREATE TABLE projects (
    id         VARCHAR PRIMARY KEY,
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now()))
);
INSERT INTO projects (id) VALUES ('main');

CREATE TABLE accounts (
    id          VARCHAR PRIMARY KEY,   -- never used again
    name        VARCHAR NOT NULL,      -- what people sign in with
    password    VARCHAR,               -- argon2's hash; none: signs in another way, or not yet
    is_admin    BOOLEAN NOT NULL,      -- of the instance
    created_at  TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    disabled_at TIMESTAMP
);

CREATE TABLE grants (
    account VARCHAR NOT NULL,
    project VARCHAR NOT NULL,
    role    VARCHAR NOT NULL,
    PRIMARY KEY (account, project)
);

CREATE TABLE invitations (             -- one-time links: to join, or to choose a new password
    digest     VARCHAR PRIMARY KEY,
    purpose    VARCHAR NOT NULL,       -- join, reset
    name       VARCHAR NOT NULL,
    account    VARCHAR,                -- whose password is chosen anew
    is_admin   BOOLEAN NOT NULL,
    role       VARCHAR,
    created_by VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    expires_at TIMESTAMP NOT NULL,
    used_at    TIMESTAMP
);

CREATE TABLE sessions (
    digest     VARCHAR PRIMARY KEY,
    account    VARCHAR NOT NULL,
    way        VARCHAR NOT NULL,
    address    VARCHAR NOT NULL,
    agent      VARCHAR NOT NULL,       -- the browser, as it names itself
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    seen_at    TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    expires_at TIMESTAMP NOT NULL
);

CREATE TABLE tokens (
    id         VARCHAR PRIMARY KEY,
    digest     VARCHAR NOT NULL,
    shown      VARCHAR NOT NULL,       -- the first characters, by which people know it again
    name       VARCHAR NOT NULL,
    account    VARCHAR NOT NULL,
    role       VARCHAR,                -- the most that it may; none: all that its account may
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    expires_at TIMESTAMP,
    used_at    TIMESTAMP
);

CREATE SEQUENCE audit_numbers;
CREATE TABLE audit (                   -- rows are only ever added
    number  BIGINT PRIMARY KEY DEFAULT nextval('audit_numbers'),
    done_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    person  VARCHAR NOT NULL,
    account VARCHAR,
    way     VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    action  VARCHAR NOT NULL,
    subject VARCHAR NOT NULL
);
