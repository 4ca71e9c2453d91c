"""``playground formats`` against the registry and the formats' own numbers."""

import pytest

import playground


def test_every_format_is_listed_with_what_it_can_hold(playground_cli):
    found = {row["id"]: row for row in playground_cli("formats", "--json").json["formats"]}
    assert list(found) == list(playground.formats())
    assert (found["int4"]["smallest"], found["int4"]["largest"], found["int4"]["scales"]) == (-8, 7, [])
    assert (found["fp8_e4m3"]["largest"], found["fp8_e5m2"]["largest"]) == (448, 57344)
    assert (found["q4_k"]["block_size"], found["q4_k"]["scales"]) == (32, ["uint6", "fp16"])
    assert (found["nvfp4"]["block_size"], found["nvfp4"]["scales"]) == (16, ["fp8_e4m3", "fp32"])
    assert all(row["source"] for row in found.values())


@pytest.mark.parametrize("family", ["integer", "float", "codebook", "block"])
def test_a_family_alone(playground_cli, family):
    lines = playground_cli("formats", "--family", family).out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [n for n, f in playground.formats().items() if f.family == family]


def test_an_unknown_family_is_refused(playground_cli):
    ran = playground_cli("formats", "--family", "wavelet")
    assert ran.code == 2
    assert "--family: invalid choice: 'wavelet'" in ran.err
