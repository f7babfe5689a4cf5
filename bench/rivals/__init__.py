"""Other programs that get the same pictures, the same minutes and the same score."""
