"""Every convention says whose it is, and no two are the same."""

import dataclasses

import playground


def test_the_promised_conventions_exist() -> None:
    assert {"onnxruntime", "pytorch", "pytorch_fake"} <= set(playground.conventions())


def test_each_names_its_source_with_a_version() -> None:
    for convention in playground.conventions().values():
        assert convention.title
        assert any(character.isdigit() for character in convention.source)


def test_no_two_conventions_follow_the_same_rules() -> None:
    rules = [dataclasses.replace(c, id="x", title="", source="") for c in playground.conventions().values()]
    assert all(a != b for i, a in enumerate(rules) for b in rules[:i])


def test_what_they_name_exists() -> None:
    for convention in playground.conventions().values():
        assert convention.symmetric_narrow_formats <= set(playground.formats())
        for name, zero_point in convention.symmetric_zero_points.items():
            fmt = playground.formats()[name]
            assert fmt.qmin <= zero_point <= fmt.qmax
