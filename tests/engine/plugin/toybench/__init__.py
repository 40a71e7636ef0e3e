"""A bench and two methods as another package would bring them."""
