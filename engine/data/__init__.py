"""Readers, sample library, procedural data."""
