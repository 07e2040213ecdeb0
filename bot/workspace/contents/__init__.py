"""What a workspace holds: channels, messages, files, canvases, views; how they change and how Slack shows them."""
