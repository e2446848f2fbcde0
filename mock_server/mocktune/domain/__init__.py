"""The rules of the simulation as pure functions of their arguments: no I/O, no wall clock, no randomness."""
