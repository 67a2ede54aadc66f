"""From bytes to rows: encodings, line ends, delimiters, quotes that never end, half a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.csv_text import Table, UnreadableFileError, read_table

WANTED = ("Namn", "Kod")


def read(content: bytes | str, **options: object) -> tuple[Table, list[tuple[int, list[str]]]]:
    raw = content.encode() if isinstance(content, str) else content
    table = read_table(raw, WANTED, **options)  # type: ignore[arg-type]
    return table, list(table.rows)


def found(table: Table) -> list[tuple[int, str, str]]:
    return [(one.line, one.level, one.code) for one in table.findings]


@pytest.mark.parametrize(
    "content",
    [
        "Namn;Kod\nÅsa;1\nÖrjan;2\n".encode(),
        "\ufeffNamn;Kod\nÅsa;1\nÖrjan;2\n".encode(),
        "Namn;Kod\nÅsa;1\nÖrjan;2\n".encode("windows-1252"),
        "Namn;Kod\r\nÅsa;1\rÖrjan;2\n".encode("windows-1252"),
        "Namn;Kod\nÅsa;1\nÖrjan;2".encode("utf-16"),
        "\ufeffNamn;Kod\nÅsa;1\nÖrjan;2".encode("utf-16-be"),
        "sep=;\r\nNamn;Kod\r\nÅsa;1\r\nÖrjan;2\r\n".encode(),
        "\n\nNamn,Kod\n\nÅsa,1\n,\nÖrjan,2\n".encode(),
        "Namn\tKod\nÅsa\t1\nÖrjan\t2".encode(),
        # Decomposed, as files from a Mac are.
        "Namn;Kod\nA\u030asa;1\nO\u0308rjan;2\n".encode(),
        '"Namn";"Kod"\n"Åsa";"1"\n"Örjan";2'.encode(),
        # More commas than semicolons in the heading, but they are within a name.
        'Namn;Kod;"a,b,c,d"\nÅsa;1;\nÖrjan;2;\n'.encode(),
    ],
)
def test_the_same_rows(content: bytes) -> None:
    table, rows = read(content)
    assert [values[:2] for _, values in rows] == [["Åsa", "1"], ["Örjan", "2"]]
    assert table.findings == []


def test_lines_of_two_encodings_in_one_file() -> None:
    content = (
        "Namn;Kod\nÅsa;1\n".encode() + "\ufeffÖrjan;2\n".encode() + "Ärla;3\n".encode("cp1252")
    )
    table, rows = read(content)
    assert [values[0] for _, values in rows] == ["Åsa", "Örjan", "Ärla"]
    assert found(table) == [(0, "noted", "mixed_encodings")]


def test_a_quote_that_never_ends_costs_its_line_only() -> None:
    table, rows = read('Namn;Kod\nAnna;1\n"Bo;2\nCia;3\nDag;4\n')
    assert [line for line, _ in rows] == [2, 3, 4, 5], "a broken row counts as a row"
    assert [values[0] for _, values in rows if values] == ["Anna", "Cia", "Dag"]
    assert found(table) == [(3, "rejected", "unfinished_quote")]


def test_a_quote_that_ends_in_a_later_row_costs_its_line_only() -> None:
    table, rows = read('Namn;Kod\n"Bo;2\nCia;3\n"Dag";4\nEva;5\n')
    assert [values[0] for _, values in rows if values] == ["Cia", "Dag", "Eva"]
    assert found(table) == [(2, "rejected", "broken_quote")]


def test_a_quoted_field_may_hold_line_ends_and_delimiters() -> None:
    table, rows = read('Namn;Kod\n"Bo\r\nvik; ""B""";2\nCia;3\n')
    assert rows == [(2, ['Bo\nvik; "B"', "2"]), (4, ["Cia", "3"])]
    assert table.findings == []


def test_a_runaway_quote_in_a_long_file_is_found_at_its_line() -> None:
    table, rows = read('Namn;Kod\n"Bo;2\n' + "Cia;3\n" * 5000)
    assert sum(bool(values) for _, values in rows) == 5000
    assert found(table) == [(2, "rejected", "unfinished_quote")]


@pytest.mark.parametrize("end", ["Bo;", '"Bo', "B", '"Bo";"'])
def test_half_a_file(end: str) -> None:
    table, rows = read(f"Namn;Kod;Mer\nAnna;1;x\n{end}")
    assert [values for _, values in rows if values] == [["Anna", "1", "x"]]
    [(line, level, code)] = found(table)
    assert (line, level) == (3, "rejected")
    assert code in ("cut_off", "unfinished_quote")


def test_a_file_that_ends_within_a_character() -> None:
    content = "Namn;Kod\nAnna;1\nBo;å".encode()[:-1]
    table, rows = read(content)
    assert [values for _, values in rows if values] == [["Anna", "1"]]
    assert found(table) == [(3, "rejected", "cut_off")]


def test_a_short_line_within_the_file_is_not_the_tables_to_judge() -> None:
    _, rows = read("Namn;Kod\nBo\nCia;3\n")
    assert rows == [(2, ["Bo"]), (3, ["Cia", "3"])]


def test_the_heading_again_in_the_middle() -> None:
    table, rows = read("Namn;Kod\nBo;1\nNamn;Kod\nCia;2\n")
    assert [values[0] for _, values in rows] == ["Bo", "Cia"]
    assert found(table) == [(3, "noted", "repeated_heading")]


def test_a_repeated_column_counts_only_where_it_is_used() -> None:
    table, _ = read("Namn;Kod;Anm;Anm;;\nBo;1;;;;\n")
    assert found(table) == [(1, "noted", "repeated_column")]
    with pytest.raises(UnreadableFileError, match="'Kod' twice"):
        read("Namn;Kod;Kod\nBo;1;2\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n\n", "empty"),
        (b"sep=;\n", "empty"),
        ("Namn;Kode\nBo;1\n", "lacks column 'Kod'; it has: Namn, Kode"),
        (b"Namn;Kod\n\x00\x01", "no text"),
        (b"Namn;Kod\n\x81;1\n", "none of the encodings"),
    ],
)
def test_an_unreadable_file(content: bytes | str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(content)


def test_a_file_without_heading_is_not_quoted() -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read("Nora Testberg;201304059809\n")
    assert "Nora" not in str(caught.value)
    assert "9809" not in str(caught.value)


def test_an_unknown_encoding_is_the_mappings_fault() -> None:
    with pytest.raises(UnreadableFileError, match="'klingon' is unknown"):
        read("Namn;Kod\nÅ;1\n", encodings=("klingon",))


@given(st.lists(st.lists(st.text(alphabet='ab";\n\r å', max_size=6), min_size=2, max_size=2)))
def test_what_a_csv_writer_writes_is_read_again(rows: list[list[str]]) -> None:
    quoted = [";".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    table, back = read("\r\n".join(["Namn;Kod", *quoted, ""]))
    want = [
        [field.replace("\r\n", "\n").replace("\r", "\n").strip() for field in row] for row in rows
    ]
    assert [values for _, values in back] == [row for row in want if any(row)]
    assert table.findings == []


@given(st.binary(max_size=300))
def test_every_row_is_given_or_found(junk: bytes) -> None:
    try:
        table, rows = read(b"Namn;Kod\n" + junk)
    except UnreadableFileError:
        return
    lost = {line for line, values in rows if not values}
    assert lost == {one.line for one in table.findings if one.level == "rejected"}
    assert [line for line, _ in rows] == sorted({line for line, _ in rows})
