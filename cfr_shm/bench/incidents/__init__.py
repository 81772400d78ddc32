"""Five ways in which parallel training in Python died, each replayed small beside cfr-shm.

Every side of a comparison is a program of its own (``sides``), so that it can be given a time
limit, watched from outside, and ended with everything that it started.
"""
