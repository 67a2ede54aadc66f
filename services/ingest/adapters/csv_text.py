"""From a file's bytes to rows, whatever wrote it: encodings, line ends, quotes that never end.

One broken line costs that line, not the file: reading goes on with the next.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from services.ingest.adapters.report import Finding

DELIMITERS = ";,\t"
_LONGEST_RECORD = 100
"""Lines of one record: a quoted field that runs on longer has lost its closing mark."""


class UnreadableFileError(Exception):
    """Nothing of the file can be used; the text says why, and repeats no row of it."""


@dataclass(slots=True)
class Table:
    """A heading and the rows below it."""

    heading: list[str]
    rows: Iterator[tuple[int, list[str]]]
    """(line, values); a row may be shorter or longer than the heading, and is empty where a finding
    says why nothing of it can be read."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong with the file; complete once ``rows`` are read to their end."""


def read_table(
    content: bytes,
    wanted: Collection[str],
    *,
    encodings: tuple[str, ...] = ("utf-8-sig", "windows-1252"),
    delimiter: str | None = None,
) -> Table:
    """Read a file that has the columns ``wanted``.

    Each line is read in the first of ``encodings`` that fits it: files put
    together from two systems are in both. Without ``delimiter`` the one is
    taken under which the heading has most of the wanted columns. Raises
    :class:`UnreadableFileError` when the encoding or the heading is wrong.
    """
    findings: list[Finding] = []
    lines = _lines(content, encodings, findings)
    first = 0
    while first < len(lines) and not lines[first].strip():
        first += 1
    # The line with which spreadsheets tell each other the delimiter.
    if first < len(lines) and lines[first].strip().lower().startswith("sep="):
        delimiter = delimiter or lines[first].strip("\n")[4:5] or None
        first += 1
    if first == len(lines):
        raise UnreadableFileError("the file is empty: it has no heading")
    delimiter = delimiter or _delimiter(lines[first], wanted)
    records = _records(lines, first, delimiter, findings)
    _, names = next(records, (0, None))
    heading = [name.strip() for name in names or ()]
    _check(heading, wanted, first + 1, findings)
    return Table(heading, _rows(records, heading, lines, findings), findings)


def _lines(content: bytes, encodings: tuple[str, ...], findings: list[Finding]) -> list[str]:
    """The lines with their ends, each of which is now one line feed."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    if any(name.lower().replace("_", "-").startswith(("utf-16", "utf-32")) for name in encodings):
        # Two bytes a character: lines cannot be told apart before decoding.
        texts = [_decode(content, encodings)[0]]
    else:
        raw = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        texts, used = [], set()
        for number, line in enumerate(raw, 1):
            text, encoding = _decode(line, encodings, last=number == len(raw))
            if not line.isascii():
                used.add(encoding.removesuffix("-sig"))
            texts.append(text)
        if len(used) > 1:
            findings.append(
                Finding(
                    0, "", "noted", "mixed_encodings", f"lines are in {' and '.join(sorted(used))}"
                )
            )
    text = unicodedata.normalize("NFC", "\n".join(texts))
    if "\0" in text:
        raise UnreadableFileError("holds NUL characters: it is no text; export it again as CSV")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Not splitlines(): it also splits at characters that may stand within a field.
    return [line + "\n" for line in text.split("\n")[:-1]] + (
        [text.rsplit("\n", 1)[-1]] if not text.endswith("\n") and text else []
    )


def _decode(line: bytes, encodings: tuple[str, ...], *, last: bool = False) -> tuple[str, str]:
    for encoding in encodings:
        try:
            return line.decode(encoding), encoding
        except UnicodeDecodeError as error:
            if last and encoding.startswith("utf-8") and error.reason == "unexpected end of data":
                # The file ends within a character. The replacement makes the field unusable.
                return line.decode(encoding, "replace"), encoding
        except LookupError as error:
            raise UnreadableFileError(f"the mapping's encoding {encoding!r} is unknown") from error
    raise UnreadableFileError(f"the file is in none of the encodings {', '.join(encodings)}")


def _delimiter(heading: str, wanted: Collection[str]) -> str:
    def columns(delimiter: str) -> tuple[int, int]:
        try:
            names = next(csv.reader([heading], delimiter=delimiter), [])
        except csv.Error:
            names = []
        return len({name.strip() for name in names} & set(wanted)), heading.count(delimiter)

    return max(DELIMITERS, key=columns)


def _check(heading: list[str], wanted: Collection[str], line: int, findings: list[Finding]) -> None:
    if missing := sorted(set(wanted) - set(heading)):
        text = f"the heading (line {line}) lacks column {missing[0]!r}"
        # Without any column that is known it may be no heading but somebody's data.
        if set(wanted) & set(heading):
            text += f"; it has: {', '.join(heading)}"
        else:
            text += ", and every other one of the mapping: is line 1 the heading?"
        raise UnreadableFileError(text)
    for name in sorted({name for name in heading if name and heading.count(name) > 1}):
        if name in wanted:
            raise UnreadableFileError(
                f"the heading names column {name!r} twice: which one counts cannot be told"
            )
        findings.append(
            Finding(line, name, "noted", "repeated_column", "stands twice; not used by the mapping")
        )


def _rows(
    records: Iterator[tuple[int, list[str] | None]],
    heading: list[str],
    lines: list[str],
    findings: list[Finding],
) -> Iterator[tuple[int, list[str]]]:
    whole = lines[-1].endswith("\n")
    for line, values in records:
        if values is None:
            yield line, []
            continue
        stripped = [value.strip() for value in values]
        if not any(stripped):
            continue
        if stripped == heading:
            findings.append(
                Finding(line, "", "noted", "repeated_heading", "the heading again; passed over")
            )
            continue
        if line == len(lines) and not whole and _is_cut(stripped, heading):
            findings.append(
                Finding(
                    line, "", "rejected", "cut_off",
                    f"the file ends in the middle of this line, in column {len(stripped)} of "
                    f"{len(heading)}: it was cut off; send it again",
                )
            )  # fmt: skip
            yield line, []
            continue
        yield line, stripped


def _is_cut(values: list[str], heading: list[str]) -> bool:
    return len(values) < len(heading) or values[-1].endswith("\N{REPLACEMENT CHARACTER}")


class _UnfinishedError(Exception):
    pass


class _Lines:
    """Lines for a csv reader; ends a record that has run on for too long."""

    def __init__(self, lines: list[str], at: int) -> None:
        self._lines = lines
        self._at = at
        self.record = at
        """Where the present record began."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._at == len(self._lines):
            raise StopIteration
        if self._at - self.record > _LONGEST_RECORD:
            raise _UnfinishedError
        self._at += 1
        return self._lines[self._at - 1]

    def next_record(self) -> None:
        self.record = self._at


def _records(
    lines: list[str], first: int, delimiter: str, findings: list[Finding]
) -> Iterator[tuple[int, list[str] | None]]:
    """(line, values) of each record; a broken one is found, given as None, and passed over."""
    start = first
    while start < len(lines):
        source = _Lines(lines, start)
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        try:
            for values in reader:
                yield source.record + 1, values
                source.next_record()
        except (csv.Error, _UnfinishedError) as error:
            findings.append(_broken(source.record + 1, error))
            yield source.record + 1, None
            start = source.record + 1
        else:
            return


def _broken(line: int, error: Exception) -> Finding:
    text = str(error)
    if isinstance(error, _UnfinishedError) or "unexpected end" in text or "larger than" in text:
        return Finding(
            line, "", "rejected", "unfinished_quote",
            "a field begins with a quotation mark and never ends: the file was cut off, or a "
            "quotation mark within the field must be doubled",
        )  # fmt: skip
    return Finding(
        line, "", "rejected", "broken_quote",
        "a quotation mark stands within a field: double it, or put the whole field in them",
    )  # fmt: skip
