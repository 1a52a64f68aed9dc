"""Real `warnwatch serve` processes killed at numbered points, and the books compared with the mail server's log."""
