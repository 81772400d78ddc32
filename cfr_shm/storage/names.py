"""What files are called that others look for: those of a run, and of a stored table."""

CONFIG, SUMMARY, METRICS, LOG = "config.yaml", "summary.json", "metrics.jsonl", "log.txt"
CHECKPOINTS, TENSORBOARD, LOCK = "checkpoints", "tensorboard", ".lock"

#: Of exact evaluations that take hours, while they are made; by the checkpoint's iterations.
EXACT_ANSWERS = "exact"

#: What a run directory holds of its run.
RUN_NAMES = (CONFIG, SUMMARY, METRICS, LOG, CHECKPOINTS, TENSORBOARD, LOCK)

#: What makes a directory a stored table: a checkpoint, or card buckets.
MANIFEST_NAME = "manifest.json"
