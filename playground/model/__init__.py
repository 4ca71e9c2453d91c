"""Models: what they are here, how they are read from files and written back, and which recipe quantizes them."""
