"""The model: hears while the user speaks, thinks, talks and sounds at once."""
