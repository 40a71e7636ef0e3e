"""Image restoration: one module per method, `bench` for what they share."""
