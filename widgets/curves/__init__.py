"""What the curve plot is made of: stored values, steady ranges, axes, legend, export."""
