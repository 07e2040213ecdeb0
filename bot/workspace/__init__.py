"""A Slack-compatible workspace on loopback: Web API, Socket Mode, and a page in the browser."""
