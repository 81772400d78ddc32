"""Spots: a board, two ranges, a pot and bet sizes, solved hand by hand on the public tree."""
