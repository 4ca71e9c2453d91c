from playground.model.naming import free_name


def test_the_first_that_is_free() -> None:
    assert free_name("a", set()) == "a"
    assert free_name("a", {"a"}) == "a_1"
    assert free_name("a", {"a", "a_1", "a_3"}) == "a_2"
