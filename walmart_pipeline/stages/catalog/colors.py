"""Names of colours, each with its family, for telling whether two of them contradict each other."""

from __future__ import annotations

import re

_FAMILIES = {
    "black": "black ebony jet onyx",
    "white": "white ivory cream eggshell snow",
    "gray": "gray grey charcoal slate graphite pewter ash heather",
    "silver": "silver chrome nickel platinum",
    "gold": "gold golden brass champagne",
    "brown": "brown chocolate coffee espresso mocha chestnut walnut cognac taupe bronze",
    "beige": "beige tan khaki sand oatmeal nude natural camel",
    "red": "red burgundy maroon wine crimson cherry",
    "pink": "pink rose blush fuchsia magenta coral",
    "orange": "orange rust terracotta apricot peach copper",
    "yellow": "yellow mustard lemon",
    "green": "green olive sage mint lime emerald khaki",
    "blue": "blue navy teal turquoise aqua cyan indigo denim cobalt",
    "purple": "purple lavender violet plum lilac mauve",
}
FAMILIES = {name: family for family, names in _FAMILIES.items() for name in names.split()}
# Only these are what a colour is called in plain speech: two of them do contradict each other.
PLAIN = {name: name for name in _FAMILIES} | {"grey": "gray"}
# In front of a colour they make another one of it.
SHADES = frozenset("light dark royal navy baby hot army sky heather deep bright pale dusty forest lime rose".split())


def plain_colors(text: str) -> set[str]:
    """Return the plain colours that a text names as whole words."""
    return {PLAIN[word] for word in re.findall(r"[a-z]+", text.lower()) if word in PLAIN}
