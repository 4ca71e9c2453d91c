"""The picker offers every format there is, once."""

import playground
from playground.app.format_choices import SIGNED, UNSIGNED, choice_of, format_of, groups


def test_every_format_is_offered_once_and_comes_back() -> None:
    offered = [choice for group in groups().values() for choice in group.values()]
    assert len(offered) == len(set(offered))
    for name, fmt in playground.formats().items():
        if name == "e8m0":  # of scales, not of weights
            assert choice_of(name) not in offered
            continue
        assert choice_of(name) in offered
        assert format_of(choice_of(name), fmt.bits) == name


def test_integers_are_two_choices_and_the_others_are_grouped() -> None:
    found = groups()
    assert list(found) == ["Integers", "Floats", "Codebooks", "Blocks"]
    assert set(found["Integers"].values()) == {SIGNED, UNSIGNED}
    assert "nf4" in found["Codebooks"].values()
    assert "fp8_e4m3" in found["Floats"].values()
    assert {"mxfp4", "nvfp4", "q4_k"} <= set(found["Blocks"].values())
