"""The parsed templates of a bundle."""

from __future__ import annotations

from dataclasses import dataclass, field

from jinja2 import Environment, nodes

from recmail.render.bundle import TemplateBundle


@dataclass
class Trees:
    """Each template by its name, parsed once, when it is first asked for."""

    bundle: TemplateBundle
    environment: Environment
    known: dict[str, nodes.Template] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.bundle.files

    def __getitem__(self, name: str) -> nodes.Template:
        if name not in self.known:
            self.known[name] = self.environment.parse(self.bundle.files[name], name, name)
        return self.known[name]
