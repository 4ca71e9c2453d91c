"""What operators are made of: integer programs and their steps, the state of planning, and the arithmetic in NumPy."""
