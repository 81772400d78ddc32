"""Workers that train in shared memory, and the coordinator that keeps them busy."""
