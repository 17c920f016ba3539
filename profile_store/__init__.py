"""What we know: profiles, timelines and timers in Redis."""
