"""The domain: incidents, their response, and the record of both. Knows neither Slack nor the alarm clock."""
