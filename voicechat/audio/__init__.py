"""Sound as arrays: pure, but for devices."""
