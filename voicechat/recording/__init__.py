"""Sessions on disk, and their replay."""
