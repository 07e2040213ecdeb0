"""Listeners: ack, parse, make one call."""
