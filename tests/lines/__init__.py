"""Log lines: formats, an old log replayed, a growing one watched."""
