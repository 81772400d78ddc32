"""The page that shows runs: a server that only reads, its JSON, and the page's own files."""
