"""The twin's truth: the same scenarios on the twin and on a real cluster must look alike."""
