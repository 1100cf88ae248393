"""Tells people of alerts: what is told, when a channel may be told, and how webhooks, Slack, Teams and mail servers take it."""
