"""The Panel views. Settings go in, reports come out; views never call views."""
