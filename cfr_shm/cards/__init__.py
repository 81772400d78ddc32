"""Cards: decks, evaluation, isomorphism, exact strengths, clustering and bucket files."""
