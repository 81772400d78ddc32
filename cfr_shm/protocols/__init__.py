"""Hands of hold'em as other programs write them, text in and text out: no file, no socket."""
