"""Which certificates are believed: those httpx brings, read once for all clients."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Return the context for a client's `verify`; each client would read its own, which takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)
