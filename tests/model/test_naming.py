from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.naming import FreeNames


def test_a_name_is_given_once():
    names = FreeNames({"b", "b_1", "b_3"})
    assert names.take("a") == "a"
    assert names.take("a") == "a_1"
    assert names.take("b") == "b_2"
    assert "b_2" in names
    assert "c" not in names
    names.reserve(["c", "c_1"])
    assert names.take("c") == "c_2"


def test_names_of_a_graph_and_of_its_branches_are_taken():
    branch = Graph("", (), (ValueInfo("t", "float32", None),), (Node("Neg", "n", ("outer",), ("t",)),), {}, 17)
    node = Node("If", "if", ("c",), ("y",), {"then_branch": branch})
    held = {"w": Tensor("w", "float32", (), 4, lambda: None)}
    names = FreeNames.of(Graph("g", (ValueInfo("x", "float32", None),), (), (node,), held, 17))
    assert [names.take(name) for name in ("x", "w", "c", "y", "t", "outer", "z")] == [
        "x_1", "w_1", "c_1", "y_1", "t_1", "outer_1", "z",
    ]  # fmt: skip
