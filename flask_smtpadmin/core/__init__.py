"""Pure values and decisions: no I/O, no clock and no randomness unless passed in."""
