"""The workflow engine: what may run next, running it, and what people decide in between."""
