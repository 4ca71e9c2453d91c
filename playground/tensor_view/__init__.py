"""The Tensor view as data: the levels of one scale, and the picture of a whole tensor. Pure functions, no widgets."""
