"""Preset voices."""
