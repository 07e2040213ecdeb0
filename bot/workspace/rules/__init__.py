"""What the workspace lets through: errors, limits, blocks, tokens, and the faults that are requested of it."""
