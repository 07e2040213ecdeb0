"""Shipped data and text: policies, workflows, prompts, messages, the demo service."""
