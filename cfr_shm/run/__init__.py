"""One run: its directory, its signals, its settings, what it reports and what it saves."""
