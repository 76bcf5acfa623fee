"""Runs that other tools recorded, as values; reads, never writes."""
