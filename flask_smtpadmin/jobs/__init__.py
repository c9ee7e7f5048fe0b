"""The doorbell: the only thing that goes through Redis."""
