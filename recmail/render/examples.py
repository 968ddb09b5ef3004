"""Made-up contexts with every documented name, to try templates on before there is a person."""

from __future__ import annotations

from typing import Any

from recmail.render.names import BODY_NAMES, DOCUMENTED, IN_TEMPLATES, NAMES, Name, Shape

ITEMS = 4
_BY_PATH = {name.path: name for name in (*DOCUMENTED, *IN_TEMPLATES)}


def example_contexts() -> list[dict[str, Any]]:
    """Return one context where everything is known, one with all that may be None, one without courses."""
    full = {name: _example(shape, name, sparse=False) for name, shape in (NAMES | BODY_NAMES).items()}
    bare = {name: _example(shape, name, sparse=True) for name, shape in (NAMES | BODY_NAMES).items()}
    return [full, bare, {**full, "courses": [], "blocks": []}]


def _example(shape: Shape, path: str, *, sparse: bool, number: int = 0) -> Any:
    """Make up what a name holds; in lists every other item lacks what may be None."""
    if isinstance(shape, list):
        kind = _BY_PATH.get(f"{path}[]", Name(path, "list", "")).kind
        inner = "courses[]" if kind == "courses" else f"{path}[]"
        return [_example(shape[0], inner, sparse=sparse or at % 2 == 1, number=at) for at in range(ITEMS)]
    name = _BY_PATH[path] if path in _BY_PATH else Name(path, "fields", "")
    if sparse and name.may_be_none:
        return None
    if isinstance(shape, dict):
        return {
            field: _example(inner, f"{path}.{field}", sparse=sparse, number=number)
            for field, inner in shape.items()
        }
    if name.kind == "number":
        return int(name.example)
    return f"{name.example}-{number}" if path.endswith("_id") else name.example
