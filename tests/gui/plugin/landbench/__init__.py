"""A bench that is explored, as another package would bring it: a land of two colors."""
