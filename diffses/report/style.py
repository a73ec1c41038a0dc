"""The colours that pages and pictures share; the pages' other style is templates/style.css."""

from __future__ import annotations

INK = "#1d2129"
FAINT = "#6a7280"
RULE = "#d9dce1"

# a policy has one colour wherever it appears
POLICY = {
    "random": "#9aa1ab",
    "teacher": "#3f6fb0",
    "linear": "#c98a1b",
    "distilled": "#4c9a6a",
    "finetuned": "#b8433a",
}
SEEDS = ("#b8433a", "#3f6fb0", "#4c9a6a", "#c98a1b", "#7a5ba6", "#3a9aa8", "#a05a3c", "#6a7280")

# and so has an object, in the order in which the features name them
OBJECTS = ("#b8433a", "#2f67ab", "#2f7f52", "#8a5a00", "#6f4fa0", "#1f7f8c", "#8f4a2c", "#555c66")
