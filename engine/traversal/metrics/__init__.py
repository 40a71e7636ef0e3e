"""How well codes keep factors apart, and how well a walk changes one thing."""
