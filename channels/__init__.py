"""Events in, messages out: one module a channel."""
