"""Each fault through every stage, by the command line: on the real cluster, and on the twin."""
