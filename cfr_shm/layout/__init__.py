"""The memory formats that every room shares: dtypes, sentinels and NamedTuples of arrays."""
