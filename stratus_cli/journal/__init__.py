"""The journal: append-only file with a hash chain, and the replay of its records."""
