"""The workspace's front door: what the page in the browser, and whoever acts as a person, talks to."""
