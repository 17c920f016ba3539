"""Providers for a hub without credentials: they speak the real ones' protocols and keep what they get."""

from channels.sandbox.app import run

__all__ = ["run"]
