"""Small games that are built in: Kuhn, Leduc, liar's dice, Goofspiel, synthetic trees."""
