"""Reusable Qt widgets that know neither the application nor the engine."""
