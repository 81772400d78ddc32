"""Games from elsewhere: OpenSpiel's, and the user's own."""
