"""What a run says of itself while it runs, and where that is shown or written."""
