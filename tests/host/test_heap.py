import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import EngineError
from playground.host.heap import Heap


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=60))
def test_runs_are_aligned_inside_and_apart(requests):
    ends = [1000]

    def grow(end):
        ends.append(end + 128)
        return ends[-1]

    heap, live = Heap(100, 1000, 64, grow), {}
    for size, give_back in requests:
        address = heap.allocate(size)
        assert address >= 100 and address % 64 == 0 and address + size <= ends[-1]
        assert all(address + max(size, 1) <= a or a + n <= address for a, n in live.items())
        live[address] = max(size, 1)
        if give_back:
            heap.free(next(iter(live)))
            live.pop(next(iter(live)))
    for address in live:
        heap.free(address)
    assert heap.used == 0


def test_free_neighbours_become_one_run_again():
    heap = Heap(0, 256, 64, lambda end: pytest.fail("it grew"))
    addresses = [heap.allocate(64) for _ in range(4)]
    for address in (addresses[1], addresses[3], addresses[2], addresses[0]):
        heap.free(address)
    assert heap.allocate(256) == 0


def test_what_growing_raises_is_passed_on_and_nothing_is_taken():
    def refuse(end):
        raise EngineError("no more")

    heap = Heap(0, 64, 64, refuse)
    with pytest.raises(EngineError):
        heap.allocate(65)
    assert heap.used == 0
    assert heap.allocate(64) == 0
