"""The figures of `make bench`: measured, compared with their targets, never asserted in tests."""
