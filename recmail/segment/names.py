"""Names in a segment that only the catalogue knows: ids of courses, and categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from recmail.errors import Problem, did_you_mean
from recmail.records import category_key
from recmail.segment.catalogue import Courses
from recmail.segment.tree import Compare, InCluster, Node, OneOf, Value, walk

_LISTED = 20  # as many categories are worth naming


def unknown_names(nodes: Iterable[Node], courses: Courses) -> list[Problem]:
    """Return each course id and category that no course has, and each cluster that there is not.

    Line and column count inside the text.

    Tags and topics come and go, and may be named before there are any; so may courses, as long as there is
    none at all.
    """
    nodes = list(nodes)
    problems = list(_unknown_clusters(nodes, courses.clusters))
    ids, categories = set(courses.column("course_id")), _categories(courses)
    if not ids:
        return problems
    for name, value in _names(nodes):
        text = value.written
        if name == "course_id" and text not in ids:
            message = f"there is no course {text!r}{did_you_mean(text, ids)}"
        elif name != "course_id" and not courses.category_numbers([str(value.value)]):
            few = f"; there are: {', '.join(categories)}" if 0 < len(categories) <= _LISTED else ""
            message = f"no course has the category {text!r}{did_you_mean(text, categories) or few}"
        else:
            continue
        problems.append(Problem("segment", value.line, value.column, message))
    return problems


def _unknown_clusters(nodes: Iterable[Node], clusters: Sequence[str]) -> Iterator[Problem]:
    keys = {category_key(name) for name in clusters}
    for node in (below for top in nodes for below in walk(top)):
        if not isinstance(node, InCluster) or node.value.value in keys:
            continue
        text = node.value.written
        why = did_you_mean(text, clusters) or f"; there are: {', '.join(clusters)}"
        if not clusters:
            why = ", as no model has found any yet; run: recmail train"
        yield Problem("segment", node.value.line, node.value.column, f"there is no cluster {text!r}{why}")


def _categories(courses: Courses) -> list[str]:
    """The commonest spelling of each category; of two as common, the first by name."""
    spelt = Counter(courses.column("category"))
    seldom_first = sorted(
        courses.categories.items(), key=lambda item: (-spelt[item[0]], item[0]), reverse=True
    )
    return sorted({number: name for name, number in seldom_first}.values())


def _names(nodes: Iterable[Node]) -> Iterator[tuple[str, Value]]:
    for node in (below for top in nodes for below in walk(top)):
        if isinstance(node, Compare | OneOf) and not node.field.attribute:
            values = node.values if isinstance(node, OneOf) else (node.value,)
            if node.field.name in ("course_id", "category", "favourite_category"):
                yield from ((node.field.name, value) for value in values)
