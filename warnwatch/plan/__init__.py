"""Plan data: calendar, snapshot, measures, importing. In: files and rows. Out: frames at one instant."""
