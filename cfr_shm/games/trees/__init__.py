"""How any game becomes flat arrays: trees, deals, vector forms."""
