"""Where tables live: the shared arena, typed views of it, and checkpoints on disk."""
