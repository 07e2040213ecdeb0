"""The demo's service: a small real shop that is built, run, broken and repaired."""
