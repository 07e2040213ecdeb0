"""Past solutions and patterns."""
