"""When the user's turn starts and ends."""
