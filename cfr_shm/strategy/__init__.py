"""The deliverable: the average strategy, and the files that it is exported to."""
