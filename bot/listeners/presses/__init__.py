"""What buttons do, by what people do with them. Each is one call; where the surface changes, nothing more is said."""
