"""Latent traversal: walks through what a generator knows, and what they are measured by."""
