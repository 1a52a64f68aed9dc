"""Rules: files to ladders, ladders over frames. In: a snapshot. Out: levels and observations."""
