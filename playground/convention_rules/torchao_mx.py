"""torchao's MX and NVFP4: OCP's rule for the shared exponent (FLOOR), float32 all the way."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="torchao_mx",
    title="torchao MX",
    source="torchao 0.18: prototype.mx_formats to_mx (ScaleCalculationMode.FLOOR) and nvfp4_quantize",
    url="https://github.com/pytorch/ao/blob/main/torchao/prototype/mx_formats/mx_tensor.py",
    symmetric_reach="largest_code",
    quotient="nested",  # NVFP4; the scales of MX are powers of two, for which it makes no difference
)
