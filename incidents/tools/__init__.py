"""What agents may do; each answers with evidence."""
