"""What the machine lends a process: cores, control groups, and directories that are its own."""
