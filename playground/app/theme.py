"""The house theme of the Material widgets: neutral, one accent, system font. Values as in styles/tokens.css."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif'

SMALL, LABEL = 12.25, 11.5
"""Pixels: of the small widgets' text as Material has it at 13, and of a label in its frame, which it would make 9."""


def _mode(*, accent: str, on_accent: str, text: str, muted: str, line: str, card: str) -> dict[str, Any]:
    return {
        "palette": {
            "primary": {"main": accent, "contrastText": on_accent},
            "text": {"primary": text, "secondary": muted},
            "divider": line,
            "background": {"default": card, "paper": card},
        },
        "typography": {"fontFamily": FONT, "fontSize": 13},
        "shape": {"borderRadius": 8},
        "components": {
            "MuiOutlinedInput": {
                "styleOverrides": {"notchedOutline": {"borderColor": line, "& legend": {"fontSize": LABEL}}}
            },
            "MuiInputLabel": {
                "styleOverrides": {
                    "root": {
                        "&.MuiInputLabel-shrink": {
                            "transform": f"translate(14px, -8px) scale({LABEL / SMALL})",
                            "maxWidth": f"calc({SMALL / LABEL:.0%} - 32px)",
                        }
                    }
                }
            },
            "MuiToggleButton": {
                "styleOverrides": {
                    "root": {
                        "textTransform": "none",
                        "borderColor": line,
                        "color": muted,
                        "padding": "5px 4px",
                        "fontSize": SMALL,
                        "lineHeight": 1.4,
                        "&.Mui-selected, &.Mui-selected:hover": {
                            "backgroundColor": accent, "color": on_accent, "fontWeight": 650,
                        },
                    }
                }
            },
            "MuiMenu": {"styleOverrides": {"paper": {"maxWidth": "min(440px, calc(100vw - 32px))"}}},
            "MuiMenuItem": {"styleOverrides": {"root": {"whiteSpace": "normal"}}},
            "MuiTooltip": {"styleOverrides": {"tooltip": {"fontSize": SMALL}}},
            "MuiButtonBase": {
                "defaultProps": {"disableRipple": True},  # which is what would show where the keyboard is
                "styleOverrides": {
                    "root": {"&.Mui-focusVisible": {"outline": f"2px solid {accent}", "outlineOffset": 1, "zIndex": 1}}
                },
            },
        },
    }  # fmt: skip


THEME = {
    "light": _mode(
        accent="#0072b2", on_accent="#ffffff", text="#1b1f24", muted="#5d6672", line="#e4e7eb", card="#ffffff"
    ),
    "dark": _mode(
        accent="#56b4e9", on_accent="#0b1016", text="#f0f3f6", muted="#9aa4b0", line="#262c35", card="#161b22"
    ),
}


def install() -> None:
    """Make the theme the default of every Material component that is created afterwards."""
    pmui.base.MaterialComponent.param.theme_config.default = THEME
