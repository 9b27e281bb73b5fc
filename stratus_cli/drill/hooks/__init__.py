"""What faults do that a change of an object's field cannot say."""
