"""Labs: a topology made real, by a backend that is chosen at run time."""
