"""A real OpenID provider: people and machines log in at Keycloak, and the sidecar process believes its tokens."""
