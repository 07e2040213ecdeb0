"""How much somebody may write: what is longer is refused with its count, never cut in silence. Pure."""

from incidents.errors import InvalidInput

LINE = 300  #: one sentence: an impact, what was done by hand, why the agents were stopped
WORDS = 2000  #: what stands in a form's larger fields
FORM = 3000  #: the most that one input of a Slack modal takes: what is sent back, an output typed by hand


def checked(text: str, limit: int, *, field: str = "") -> str:
    """Return `text` without the blanks around it.

    Raises:
        InvalidInput: it has more than `limit` characters.
    """
    said = text.strip()
    if len(said) > limit:
        raise InvalidInput(f"This has {len(said):,} characters; {limit:,} fit.", remedy="Shorten it.", field=field)
    return said
