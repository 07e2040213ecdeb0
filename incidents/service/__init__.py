"""Use cases: one decision each, inside the caller's transaction."""
