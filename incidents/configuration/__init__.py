"""Reads templates/ and the configuration folder; every mistake is told with its file, line, key and remedy."""
