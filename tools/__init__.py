"""Programs of the developers: none of them is shipped."""
