"""The judgments as tables of typed columns, and the formats they are written in."""
