"""Carries outbox rows to Slack, mailboxes and pagers: each once, the most urgent first, drawn when it leaves."""
