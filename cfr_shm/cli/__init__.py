"""The command line: commands, which parse, call and print, and what several of them share."""
