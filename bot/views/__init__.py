"""Pure functions from domain values to Block Kit; one module a surface."""
