"""Games: each module supplies a flat tree and a deal model, checked at this border."""
