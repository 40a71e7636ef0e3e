"""A bench whose method walks at random and can get into every kind of trouble."""
