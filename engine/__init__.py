"""Everything that computes; imports no Qt."""
