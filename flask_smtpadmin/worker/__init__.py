"""The worker process: RQ's part, its supervisor, what it sweeps up."""
