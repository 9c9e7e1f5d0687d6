"""The reference pages of the documentation, made from the code: `make docs` writes them.

Whatever is described here has one record in the code; a page that is written by hand would differ
from it sooner or later, so that a test compares each with what is made anew.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from pydantic import BaseModel

from edumetrics import interventions
from edumetrics.analyst import explore, policy, preview, queries
from edumetrics.analyst.filters import ExamFilters, Filters, ListFilters, SubjectFilters
from edumetrics.cli.base import GROUPS, main
from edumetrics.fields.dictionary import write_dictionary
from edumetrics.interventions.entries import Contact
from edumetrics.params import Params
from edumetrics.settings import PROJECT

# The files of parameters, each of which has a part of `Params`; the others are texts and mappings.
FILES = [name for name in Params.model_fields if name not in ("letter", "sentences", "college")]
# What an analyst calls.
OFFERED = (queries, explore, policy, preview, interventions)
MADE = "Made from the code by `make docs`.\n"


def write_commands() -> str:
    """Return every command with its options, in Markdown, in the groups of `--help`."""
    parts = ["# Commands\n", MADE]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        for name in names:
            parts += _describe_command(f"edumetrics {name}", main.commands[name])
    return "\n".join(parts)


def _describe_command(path: str, command: click.Command) -> Iterator[str]:
    """Yield the description of a command, or of each command of a group."""
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from _describe_command(f"{path} {name}", one)
        return
    arguments = " ".join(one.make_metavar(click.Context(command)) for one in command.params
                         if isinstance(one, click.Argument))  # fmt: skip
    yield f"### {' '.join([path, arguments]).strip()}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        yield "| option | what it does |\n|---|---|"
        yield from map(_describe_option, options)
        yield ""


def _describe_option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = f" Default: {option.default}." if option.show_default else ""
    return f"| {names} | {option.help}{default} |"


def write_parameters() -> str:
    """Return every parameter file as it is shipped, and what each key may be, in Markdown."""
    parts = [
        "# Parameters\n",
        MADE,
        "A college's own file in `params/` of its home goes before the"
        " shipped one; a key that it leaves out has its default. Unknown keys are refused."
        " Databases and the mail server are named in the environment or in `.env`: see"
        " [Settings](#settings).\n",
    ]
    for name in FILES:
        model = Params.model_fields[name].annotation
        shipped = (PROJECT / "params" / f"{name}.yml").read_text(encoding="utf-8")
        parts.append(f"## {name}.yml\n\n```yaml\n{shipped.strip()}\n```\n")
        parts.append("| key | type | default | bounds |\n|---|---|---|---|")
        parts += [*_list_keys(model, ""), ""]
    settings = (PROJECT / ".env.example").read_text(encoding="utf-8")
    parts.append(f"## Settings\n\n```sh\n{settings.strip()}\n```\n")
    return "\n".join(parts)


def _list_keys(model: Any, prefix: str) -> Iterator[str]:
    """Yield a row for each key of a model, and of the models in it."""
    for name, field in model.model_fields.items():
        kind, key = field.annotation, f"{prefix}{field.alias or name}"
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _list_keys(kind, f"{key}.")
            continue
        default = repr(field.get_default(call_default_factory=True)).replace("|", "\\|")
        bounds = ", ".join(
            f"{word} {getattr(one, attribute):g}"
            for one in field.metadata
            for attribute, word in (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to"))
            if getattr(one, attribute, None) is not None
        )
        said = _describe_type(kind).replace("|", "\\|")
        yield f"| {key} | {said} | `{default}` | {bounds} |"


def _describe_type(kind: Any) -> str:
    """Return a type by its own name, without the modules and conditions that stand in it."""
    text = re.sub(r"FieldInfo\(.*?\)\]\)", "", inspect.formatannotation(kind))
    text = re.sub(r"(typing\.)?Annotated\[(\w+)[^\]]*\]", r"\2", text)
    return re.sub(r"\b(\w+\.)+(?=\w)", "", text)


def write_api() -> str:
    """Return what an analyst calls, from its docstrings, in Markdown."""
    parts = [
        "# What an analyst calls\n",
        MADE,
        "`from edumetrics import explore, interventions, policy, preview, queries`\n",
    ]
    for module in OFFERED:
        name = module.__name__.rpartition(".")[2]
        parts.append(f"## {name}\n\n{inspect.cleandoc(module.__doc__ or '')}\n")
        parts += [_describe_function(name, function) for function in _list_functions(module)]
    parts += [
        f"## {one.__name__}\n\n```text\n{inspect.cleandoc(one.__doc__ or '')}\n```\n"
        for one in (Filters, ListFilters, SubjectFilters, ExamFilters, Contact)
    ]
    return "\n".join(parts)


def _list_functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    offered = (getattr(module, name) for name in module.__all__)
    return (one for one in offered if inspect.isfunction(one))


def _describe_function(module: str, function: Callable[..., Any]) -> str:
    """Return a function with its signature and its docstring, as text that nothing can garble."""
    # Annotations are quoted; defaults that are texts keep their quotes.
    signature = re.sub(r"'(?=\w)|(?<=[\w\]])'", "", str(inspect.signature(function)))
    signature = signature.replace("typing.", "")
    text = inspect.cleandoc(function.__doc__ or "")
    first, _, rest = text.partition("\n\n")
    about, _, example = rest.partition("\n>>> ")
    parts = [f"### {module}.{function.__name__}\n", f"{first}\n",
             f"```text\n{function.__name__}{signature}\n```\n"]  # fmt: skip
    if about.strip():
        parts.append(f"```text\n{about.strip()}\n```\n")
    if example:
        parts.append(f"```pycon\n>>> {example.strip()}\n```\n")
    return "\n".join(parts)


# The pages, by the names of their files in `docs/`.
PAGES: dict[str, Callable[[], str]] = {
    "api.md": write_api,
    "commands.md": write_commands,
    "data-dictionary.md": write_dictionary,
    "parameters.md": write_parameters,
}

if __name__ == "__main__":
    for file, write in PAGES.items():
        (Path(sys.argv[1]) / file).write_text(write(), encoding="utf-8")
