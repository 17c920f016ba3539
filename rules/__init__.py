"""When to speak: rules over event and profile."""
