"""Rows of CSV and JSONL files, one at a time; one that cannot be read is told, and those behind it are read."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec

from mocktune.dataset_engine.lines import MAX_LINE_BYTES
from mocktune.dataset_engine.syntax import json_fault
from mocktune_client.dataset.reading import TooLong, first_lines, line_lists

DELIMITERS = (",", ";", "\t", "|")

_BLANKS = b" \t\r"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DECODER = msgspec.json.Decoder()


class ConvertError(Exception):
    """The file cannot be converted like this; the message says why, and what to do."""


class Row(NamedTuple):
    """``line`` is that of the file at which the row begins, from 1; ``values`` are by column. Of a row that cannot be
    read, ``fault`` says why."""

    line: int
    values: Mapping[str, Any]
    fault: str | None = None


class Table:
    """The rows of a file, to be read once. Use it in a ``with`` block.

    ``names`` are its columns, of JSONL the keys of the first row; ``first`` is that row. Raises ``ConvertError`` for a
    file that is none, and ``OSError``.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.names: tuple[str, ...] = ()
        self.first: Mapping[str, Any] = {}
        self.is_jsonl = False
        self._path = Path(path)
        self._delimiter = delimiter
        self._encoding = encoding
        self._on_progress = on_progress
        self._stack = ExitStack()

    def __enter__(self) -> Table:
        with ExitStack() as stack:  # what is open is closed if the rest cannot be opened
            self._source = stack.enter_context(open(self._path, "rb"))
            self._size = os.fstat(self._source.fileno()).st_size
            head = self._source.read(64 << 10)
            self._source.seek(0)
            self.is_jsonl = _is_jsonl(self._path, head)
            if self.is_jsonl:
                self._read_first_row()
            else:
                self._open_csv(stack, head)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Row]:
        for number, row in enumerate(self._jsonl() if self.is_jsonl else self._csv(), 1):
            yield row
            if self._on_progress and not number % 1024:
                self._on_progress(min(self._source.tell(), self._size), self._size)
        if self._on_progress:
            self._on_progress(self._size, self._size)

    def _read_first_row(self) -> None:
        rows = (_row(line, 0) for line in first_lines(self._source))
        self.first = next((row.values for row in rows if row and row.fault is None), {})
        self.names = tuple(self.first)

    def _jsonl(self) -> Iterator[Row]:
        self._source.seek(0)
        number = 0
        for lines in line_lists(self._source, self._size):
            if isinstance(lines, TooLong):
                number += 1
                yield Row(number, {}, f"it is longer than {lines.limit} bytes")
                continue
            for line in lines:
                number += 1
                if (row := _row(line, number)) is not None:
                    yield row

    def _open_csv(self, stack: ExitStack, head: bytes) -> None:
        found = next((encoding for bom, encoding in _BOMS.items() if head.startswith(bom)), "utf-8")
        encoding = self._encoding or found
        try:
            file = stack.enter_context(io.TextIOWrapper(self._source, encoding, newline=""))
            beginning = head.decode(encoding, "ignore")
        except LookupError:
            raise ConvertError(f"there is no encoding '{encoding}'") from None
        header = next((line for line in beginning.splitlines() if line.strip()), "")
        stack.callback(csv.field_size_limit, csv.field_size_limit(MAX_LINE_BYTES))
        self._records = _records(file, self._delimiter or max(DELIMITERS, key=header.count), encoding)
        _, names = next(self._records, (1, []))
        self.names = tuple(name.strip().lstrip("\ufeff") for name in names)
        twice = [name for name, count in Counter(filter(None, self.names)).items() if count > 1]
        if twice:
            raise ConvertError(f"two columns are called '{twice[0]}'")

    def _csv(self) -> Iterator[Row]:
        for line, cells in self._records:
            fault = None
            if len(cells) != len(self.names):
                fault = f"it has {len(cells)} cells, and the first line has {len(self.names)}"
            yield Row(line, dict(zip(self.names, cells, strict=False)), fault)


def _is_jsonl(path: Path, head: bytes) -> bool:
    begins = head.lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:1]
    if begins == b"[" and path.suffix.lower() not in (".csv", ".tsv"):
        raise ConvertError("the file is one JSON array; write each of its entries on a line: jq -c '.[]' FILE")
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return True
    return path.suffix.lower() not in (".csv", ".tsv") and begins == b"{"


def _row(line: bytes, number: int) -> Row | None:
    """None for a blank line."""
    if number <= 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        values = _DECODER.decode(line)
    except (ValueError, RecursionError) as refusal:
        return Row(number, {}, f"it is no JSON: {json_fault(line, refusal)}") if line.strip(_BLANKS) else None
    return Row(number, values) if isinstance(values, dict) else Row(number, {}, "it is no JSON object")


def _records(file: TextIO, delimiter: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each record, and the line it begins at."""
    reader = csv.reader(_bounded_lines(file), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ConvertError(f"the row at line {line} is no CSV: {error}") from None
        except UnicodeError:
            raise ConvertError(
                f"behind line {line} there are bytes that are no {encoding}: name the file's encoding, such as cp1252"
            ) from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _bounded_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            raise csv.Error(f"a line is longer than {MAX_LINE_BYTES} characters")
        yield line
