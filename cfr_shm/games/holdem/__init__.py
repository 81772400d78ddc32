"""Hold'em: betting, action menus, deals, buckets, lines."""
