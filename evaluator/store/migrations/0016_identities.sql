-- By whom people are vouched for: OpenID Connect providers and proxies. An account is found by what the issuer calls
-- somebody for good, never by a name or an address that may become somebody else's.
CREATE TABLE identities (
    issuer     VARCHAR NOT NULL,      -- a provider's issuer, or 'proxy'
    subject    VARCHAR NOT NULL,      -- what it calls them
    account    VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    used_at    TIMESTAMP NOT NULL DEFAULT make_timestamp(epoch_us(now())),
    PRIMARY KEY (issuer, subject)
);

CREATE TABLE granted_by_groups (      -- what an issuer's groups gave somebody, and their absence takes away again
    account VARCHAR NOT NULL,
    issuer  VARCHAR NOT NULL,
    project VARCHAR NOT NULL,         -- '' for administering the instance
    PRIMARY KEY (account, issuer, project)
);
