"""What happens to an event, in order."""
