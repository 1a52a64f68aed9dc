"""Notifications: texts, the outbox, sending. In: alerts and calls. Out: mail."""
