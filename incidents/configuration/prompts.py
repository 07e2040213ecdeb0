"""Reads the prompt files; each has the name of a set of typed outputs."""

from collections.abc import Collection, Mapping

from incidents.configuration.mistakes import Mistakes, advise

#: How the names of prompts begin that say what is looked at in an affected area; they stand beside a step's own.
OF_AREAS = "affected-area-"

MAX_CHARACTERS = 40_000  # about 10,000 tokens; the shipped ones are under 8,000 characters


def read(files: Mapping[str, tuple[str, bytes]], known: Collection[str], mistakes: Mistakes) -> dict[str, str]:
    """Return the prompts by file name.

    `files` are the contents by file name, each with the name that people know the file by; `known` are the names
    (without .md) for which there are typed outputs.
    """
    prompts = {}
    for name, (file, content) in files.items():
        stem = name.removesuffix(".md")
        if stem not in known and not stem.startswith(OF_AREAS):
            what = f"there are no typed outputs for a prompt {stem}"
            mistakes.add(file, 0, "", what=what, remedy=advise(stem, known))
        text = _text(file, content, mistakes)
        if text is not None:
            prompts[name] = text
    return prompts


def _text(file: str, content: bytes, mistakes: Mistakes) -> str | None:
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        mistakes.add(file, line, "", what="is not UTF-8", remedy="Save it as UTF-8")
        return None
    if not text:
        mistakes.add(file, 0, "", what="is empty", remedy="Write the prompt, or remove the file to use the shipped one")
    elif len(text) > MAX_CHARACTERS:
        what = f"is {len(text)} characters long, more than {MAX_CHARACTERS}"
        mistakes.add(file, 0, "", what=what, remedy="Shorten it")
    return text
