"""The same judge calls through other tools, each in the way that its documentation shows.

Each module is a program of its own, run by the interpreter that has the tool:
``MODULE LANES``, with the ledger, the seconds, and the names of the slots in the environment.
"""
