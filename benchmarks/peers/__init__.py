"""Other programs on the same work, to be measured beside ours."""
