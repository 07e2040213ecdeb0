"""How payloads travel to apps, and how apps answer them."""
