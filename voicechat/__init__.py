"""A real-time spoken conversation with Qwen2.5-Omni at a terminal."""

__version__ = "0.1.0"
