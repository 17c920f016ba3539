"""What follows from a profile at a moment: computed when somebody asks, never stored. Pure: the moment is given."""
