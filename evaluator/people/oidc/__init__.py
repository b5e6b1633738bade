"""Signing in by OpenID Connect: authorization code flow with PKCE, checked tokens, and the userinfo endpoint."""
