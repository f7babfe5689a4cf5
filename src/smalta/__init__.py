"""smalta: segment pictures with a class tree, on an ordinary computer."""
