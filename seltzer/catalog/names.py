"""A graph's name -> where its routes are. Every name that the LangGraph CLI accepts has an address."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_NOT_IN_A_SLUG: Final = re.compile("[^a-z0-9_-]+")
SLUG_LIMIT: Final = 63


@dataclass(frozen=True, slots=True)
class Address:
    """slug names the graph in an address; path is where its routes begin."""

    slug: str
    path: str


def addresses(names: Iterable[str], reserved: Set[str]) -> dict[str, Address]:
    """Return each graph's address: /{slug}, or /graphs/{slug} if that is reserved or another graph's.

    A graph whose name is a slug as it is has the first claim on it; then the file's order counts. Among
    several of one slug the later ones get a number.
    """
    names = list(names)
    slugs = {name: slug_of(name) for name in names}
    wanted = Counter(slugs.values())
    given: dict[str, Address] = {}
    taken: set[str] = set()
    for name in sorted(names, key=lambda each: slugs[each] != each):
        slug = slugs[name]
        is_own = slug not in reserved and slug not in taken
        if not is_own and wanted[slug] > 1 and f"/graphs/{slug}" in taken:
            slug = _numbered(slug, {address.slug for address in given.values()})
        path = f"/{slug}" if is_own else f"/graphs/{slug}"
        taken |= {slug, path}
        given[name] = Address(slug, path)
    return {name: given[name] for name in names}


def slug_of(name: str) -> str:
    """Return the name in lower case, of ASCII letters, digits, `_` and `-` alone.

    Accents are dropped; a name in another script becomes `graph-` and a digest of it, the same each time.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(each for each in plain if not unicodedata.combining(each)).lower()
    if not any(each.isalnum() and not each.isascii() for each in plain):
        slug = _NOT_IN_A_SLUG.sub("-", plain).strip("-")[:SLUG_LIMIT]
        if slug:
            return slug
    return f"graph-{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


def _numbered(slug: str, taken: Set[str]) -> str:
    number = 2
    while f"{slug}-{number}" in taken:
        number += 1
    return f"{slug}-{number}"
