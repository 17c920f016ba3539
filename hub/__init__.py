"""The words every part of the hub shares, and the way in."""
