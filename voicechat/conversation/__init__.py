"""Who may speak now, and what was heard."""
