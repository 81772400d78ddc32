"""Hands that are played elsewhere, along a strategy."""
