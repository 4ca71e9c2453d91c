"""How much of a file, a recipe or a link is taken, and why. Whoever reads something checks these before it allocates.

A file that a stranger sends may claim anything. Three rules hold for all readers: a file takes at most
:func:`memory_for` its size, a refusal comes within two seconds, and no list in a file is longer than the limit here.
Real files stay far below: the largest models on public hubs have some 2,000 tensors a file and 20,000 operators.

What a model computes has limits too: a few numbers can ask for a value of terabytes (Expand, Pad, Resize). They grow
with the bytes of the constants and inputs, so that a small file stays small and a large model has room.
"""

import sys

MEMORY_FACTOR = 3
"""A file may take so many times its size: its bytes, values converted to a wider type, and one copy on the way."""

MEMORY_BYTES = 64 * 2**20
"""And so many bytes more, for what describes the values: names, shapes, operators."""

MOST_FILE_BYTES = 2**31 - 1
"""Of an ONNX file: protobuf's own limit. Other formats have none, they are read by ranges."""

MOST_KEPT_BYTES = 64 * 2**20
"""ONNX files up to this size are kept in memory, where values are found faster; larger ones are read by ranges."""

MOST_RANK = 32
"""Axes of a tensor: NumPy has at most 64, the runtimes at most 8; products of sizes stay short integers."""

MOST_TENSORS = 65_536
"""Tensors in a file: 30 times those of the largest real files. Each takes about 1 kB of memory."""

MOST_ARRAYS = 16_384
"""Arrays in an .npz: each is a small file with a header of its own, which takes 50 µs to read."""

MOST_NAME = 4096
"""Characters of a name: exporters write paths of modules, of some hundred characters."""

MOST_PIECE = 4 * 2**20
"""Bytes of one text or one list of numbers outside tensors: attributes of tree ensembles have some megabytes."""

MOST_FIELDS = 1_500_000
"""Fields of an ONNX file outside tensors: reading one takes about 1 µs natively. 30,000 operators have 500,000."""

MOST_GRAPH_DEPTH = 24
"""Graphs within graphs (branches of If, bodies of Loop), and types within types."""

MOST_NODES = 40_000
"""Operators that a file's functions may become when calls are replaced by their bodies."""

MOST_CALL_DEPTH = 50
"""Functions within functions; those that exporters write call a handful."""

MOST_INLINED_BYTES = 32 * 2**20
"""Bytes that those operators may take: a function with a large attribute can be called often."""

MOST_NAME_PARTS = 200_000
"""Parts of names (between slashes) that are told apart while functions are replaced; each takes about 300 bytes."""

MOST_HEADER_BYTES = 100_000_000
"""Of a safetensors header: the format's own limit."""

MOST_NPY_HEADER = 10_000
"""Bytes of the header of an array in an .npz: NumPy's own limit on what it evaluates."""

MOST_DIRECTORY_BYTES = 8 * 2**20
"""Of the table of contents of an .npz."""

MOST_METADATA = 65_536
"""Entries of metadata in a .gguf file; real ones have some 50."""

MOST_METADATA_ITEMS = 2_000_000
"""Texts in lists of metadata of a .gguf file, which are stepped over one by one, in 0.4 µs natively: the largest
vocabularies have 260,000 texts, and 520,000 pairs of them."""

NESTED_LIST_ITEMS = 8
"""As many texts a list within a list counts: it takes 1.7 µs."""

MOST_PICKLE_STEPS = 1_000_000
"""Instructions of the pickle in a .pt file: a tensor takes some 45. Each makes at most one small object, in 1 µs."""

MOST_PICKLE_BYTES = 64 * 2**20
"""Of that pickle."""

MOST_HDF5_STEPS = 250_000
"""Pieces that the structure of an HDF5 file is read in, each in some 5 µs natively: an array of a Keras model takes
about 60."""

MOST_HDF5_HEADER = 2**19
"""Bytes of what one group or array says about itself: attributes have at most 64 kB each."""

MOST_HDF5_CHUNKS = 65_536
"""Chunks of an array: h5py makes them 16 kB to 1 MB large."""

MOST_PARTS = 1000
"""Files that one model is split into."""

MOST_JSON_DEPTH = 32
"""Lists and objects within each other; a recipe has five levels."""

MOST_RECIPE_BYTES = 16_000_000
"""Of a recipe: ONNX Runtime's overrides list every tensor of a model."""

MOST_RULES = 10_000
"""Rules of a recipe: each is compared with every tensor."""

MOST_PATTERN = 1000
"""Characters of a pattern of names, or of a regular expression."""

MOST_QUERY = 200_000
"""Characters of a link; browsers take some 30,000 from the address bar and 2,000,000 from a page."""

MOST_QUERY_FIELDS = 256
"""Fields of a link: ten times the settings there are."""

MOST_PICTURE_CELLS = 2**24
"""Weights of the filters that resize an image: rows there are times rows wanted, and the same for columns."""

MOST_SHOWN_VALUES = 2**31 - 1 if sys.maxsize > 2**32 else 100_000_000
"""Values of a tensor in the Tensor view. In the page it takes up to 3.3 of 4 GB to draw 100 million, measured in
Chromium; the file that they are in may have 2 GB and more, of which only what is shown is read."""

MOST_VALUE_BYTES = 2**31 - 1 if sys.maxsize > 2**32 else 2**29
"""Of one value that a model computes, and of all memory of one integer program: what kernels can address with 32-bit
sizes. In the page, where all of Python has 2 GB, a quarter of it."""

VALUE_BYTES, VALUE_FACTOR = 16 * 2**20, 256
"""One value takes at most so many bytes, and so many more for each byte of constants and inputs: a first convolution
from one channel to 64, in float32, makes 256 bytes from one of 8 bits."""

MOST_OPERATIONS = 2**50
"""Multiply-adds of one operator, or values seen by its windows: a week's work."""

OPERATIONS, OPERATIONS_FACTOR = 2**28, 2**16
"""One operator takes at most so many (a quarter of a second), and so many more for each byte of constants and inputs:
5 x 5 windows over 64 channels of large images need 26,000."""

MOST_INNER_NODES = 2**24
"""Nodes that run in the branches or the body of one node, all iterations together: minutes natively. A decoder that
makes 1,000 words, each with a graph of 2,000 nodes, runs 2 million."""
FOLDED_BYTES, FOLDED_FACTOR = 2**20, 4
"""What is computed from constants when a model is opened takes so many bytes together, and so many more for each byte
of the constants: 8-bit codes become float32, and a small file stays small."""

FOLDING_TRAFFIC, FOLDING_TRAFFIC_FACTOR = 64 * 2**20, 8
"""And so many bytes are read and written on the way, which takes a second natively."""

FOLDING_OPERATIONS = 2**24
"""Multiply-adds of one operator that is computed so: 10 ms."""

MOST_TAPS = 2**16
"""Places of one window. NumPy goes through them one by one; a mean over images of 224 x 224 has 50,176."""


def value_bytes(given: int) -> int:
    """Bytes that one value may take where constants and inputs have ``given`` bytes."""
    return min(MOST_VALUE_BYTES, VALUE_BYTES + VALUE_FACTOR * given)


def folded_bytes(given: int) -> int:
    """Bytes that the results of constant folding may take where constants have ``given`` bytes."""
    return FOLDED_BYTES + FOLDED_FACTOR * given


def folding_traffic(given: int) -> int:
    """Bytes that constant folding may read and write where constants have ``given`` bytes."""
    return FOLDING_TRAFFIC + FOLDING_TRAFFIC_FACTOR * given


def operations(given: int) -> int:
    """Operations that one operator may be where constants and inputs have ``given`` bytes."""
    return min(MOST_OPERATIONS, OPERATIONS + OPERATIONS_FACTOR * given)


def memory_for(size: int) -> int:
    """Bytes of memory that reading a file of ``size`` bytes may take."""
    return MEMORY_FACTOR * size + MEMORY_BYTES
