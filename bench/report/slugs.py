"""Names of the report's files: of cells and machines, whose own names may come from anywhere."""

import re
from collections.abc import Iterable

#: Longer names are cut; a number keeps them apart.
LONGEST = 80


def hrefs(folder: str, names: Iterable[str]) -> dict[str, str]:
    """Each name -> `<folder>/<slug>.html`: letters, digits, dots, hyphens and underscores, none twice even where a file
    system knows no capitals. The same names in the same order give the same slugs."""
    taken: set[str] = set()
    found = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:LONGEST].strip("._") or "_"
        slug, number = plain, 1
        while slug.lower() in taken:
            number += 1
            slug = f"{plain}_{number}"
        taken.add(slug.lower())
        found[name] = f"{folder}/{slug}.html"
    return found
