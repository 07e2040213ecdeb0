"""What knows Slack, the environment and the process."""
