"""Upsample: what Resize was before operator set 10."""

from __future__ import annotations

import numpy as np

from playground.model.graph import Node
from playground.operators import resize
from playground.operators._operator import Operator, Takes
from playground.operators._upgrades import Older, stated


def _upgrade(older: Older, node: Node) -> Node:
    """It is Resize today; scales were an attribute before operator set 9."""
    given = stated(node, "scales", "floats")
    scales = node.inputs[1] if given is None else older.constant(node, "scales", np.array(given, np.float32))
    return resize.from_corner(older, node, scales)


OPERATOR = Operator(
    name="Upsample",
    versions=(1, 9),
    ranks=(4, 4),
    takes=(Takes.VALUES, Takes.FACTORS),
    attributes=(resize.MODE,),
    data=(0,),
    upgrade=_upgrade,
)
