"""Forward operators: what happened to the picture, with exact adjoints."""
