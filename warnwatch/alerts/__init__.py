"""Alerts: their life, their climb, their tables. In: observations. Out: alerts and calls."""
