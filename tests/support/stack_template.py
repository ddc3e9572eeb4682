"""The template of the stack, with its parameters filled in."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tribolake.settings import PROJECT_DIR

INFRA = PROJECT_DIR / "infra"
TEMPLATE = INFRA / "stack.yml"


class Template(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions as `{name: argument}`."""

    def function(self, tag: str, node: yaml.Node) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            return {tag: self.construct_scalar(node)}
        return {tag: self.construct_sequence(node, deep=True)}


Template.add_multi_constructor("!", Template.function)


def arns_of(defaults: dict[str, str]) -> dict[str, str]:
    lake = f"arn:aws:s3:::{defaults['BucketName']}"
    return {"Lake.Arn": lake, "Locks.Arn": f"{lake}-locks"}


def resolved(value: Any, defaults: dict[str, str]) -> Any:
    """Fill in the parameters of a part of the template, and the ARNs of the buckets."""
    match value:
        case {"Ref": str(name)}:
            return defaults.get(name, name)
        case {"Sub": str(text)}:
            known = {**defaults, **arns_of(defaults), "AWS::Partition": "aws"}
            return re.sub(r"\$\{([^!}]+)\}", lambda found: known.get(found[1], found[0]), text).replace("${!", "${")
        case {"GetAtt": "Lake.Arn" | "Locks.Arn" as name}:
            return arns_of(defaults)[name]
        case dict():
            return {name: resolved(part, defaults) for name, part in value.items()}
        case list():
            return [resolved(part, defaults) for part in value]
    return value


def read_template() -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Template)  # noqa: S506 - a SafeLoader
    return template


def resources_of(template: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Return the resources of a template with these parameters, and the defaults of the others."""
    defaults = {name: str(given["Default"]) for name, given in template["Parameters"].items() if "Default" in given}
    resources: dict[str, Any] = resolved(template["Resources"], defaults | parameters)
    return resources
