"""Lines of a recorded file, plain, gzip or xz, read lazily and never longer than a bound."""

import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NoReturn, Self, cast

MAX_LINE_BYTES: Final = 1024 * 1024
"""Depth snapshots of busy venues reach tens of kilobytes; a longer line is another format."""


class SourceError(ValueError):
    """A recorded file cannot be read as its format; names file, line, problem and remedy."""

    def __init__(self, path: Path, line: int, problem: str, remedy: str) -> None:
        super().__init__(f"{path}, line {line}: {problem}; {remedy}")
        self.path = path
        self.line = line
        self.problem = problem
        self.remedy = remedy


class LineFile:
    """One open file that knows which line it is at and how much of it has been read.

    Use it as a context manager. Compression is told by the suffix. Memory is bounded by one line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0
        try:
            self.size_bytes = path.stat().st_size
            self._raw = path.open("rb")
        except OSError as error:
            reason = error.strerror or str(error)
            raise SourceError(path, 0, reason, "give the path of a readable file") from error
        self._content = _content_of(self._raw, path.suffix)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        """Yield each line without its end; `line` is its number, from 1."""
        while True:
            self.line += 1
            raw = self._read_line()
            if not raw:
                self.line -= 1
                return
            if len(raw) > MAX_LINE_BYTES:
                self.refuse(
                    f"longer than {MAX_LINE_BYTES} bytes",
                    "check that the file is text in the format you named",
                )
            try:
                yield raw.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                self.refuse("not UTF-8 text", "check the format, or the file's suffix (.gz, .xz)")

    @property
    def position_bytes(self) -> int:
        """Return how many bytes of the file on disk have been read, for a progress bar."""
        return self._raw.tell()

    def refuse(self, problem: str, remedy: str) -> NoReturn:
        """Raise `SourceError` for the line just read."""
        raise SourceError(self.path, self.line, problem, remedy)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._content.close()
        self._raw.close()

    def _read_line(self) -> bytes:
        try:
            return self._content.readline(MAX_LINE_BYTES + 1)
        except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
            self.refuse(
                f"damaged or cut short ({error})", "fetch the file again, or mend its suffix"
            )
        except OSError as error:
            self.refuse(error.strerror or str(error), "check the disk that holds the file")


def _content_of(raw: IO[bytes], suffix: str) -> IO[bytes]:
    if suffix == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
    if suffix == ".xz":
        return cast("IO[bytes]", lzma.LZMAFile(raw, mode="rb"))
    return raw
