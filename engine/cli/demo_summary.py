"""What a demonstration tells at its end."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from engine.cli.writer_progress import WriterProgress

_WRITER_SECONDS: Final = 30.0


@dataclass(slots=True)
class Summary:
    """The figures of one run; `frames` and fills count from the first frame that was read."""

    seconds: float
    counts: Counter[str]
    rejects: Counter[str]
    p50_ms: float
    p99_ms: float
    frames: tuple[int, int]
    journal_fills: int
    postgres_fills: int | None = None
    is_written: bool = False

    async def compare(self, writer: WriterProgress) -> bool:
        """Wait for the fill writer to reach the last frame; tell whether the fills agree."""
        first, last = self.frames
        self.is_written = await writer.reach(last, _WRITER_SECONDS)
        self.postgres_fills = await writer.fills(first, last)
        await writer.close()
        return self.is_written and self.postgres_fills == self.journal_fills

    def text(self) -> str:
        """Return the summary in lines."""
        orders, trades = self.counts["orders"], self.counts["trades"]
        rejects = ", ".join(f"{count} {reason}" for reason, count in self.rejects.most_common(4))
        lines = [
            f"{self.seconds:.1f} s",
            f"  orders        {orders} accepted ({orders / max(self.seconds, 0.001):.0f}/s)",
            f"  trades        {trades}",
            f"  rejected      {self.counts['rejected']}{f' ({rejects})' if rejects else ''}",
            f"  liquidations  {self.counts['liquidations']}",
            f"  latency       p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms (order to answer)",
            f"  fills         {self._fills()}",
        ]
        return "\n".join(lines)

    def _fills(self) -> str:
        first, last = self.frames
        if self.postgres_fills is None:
            return "Postgres does not answer"
        verdict = "they agree"
        if not self.is_written:
            verdict = f"the writer has not reached frame {last} within {_WRITER_SECONDS:.0f} s"
        elif self.postgres_fills != self.journal_fills:
            verdict = "they DIFFER: run `pitboss verify`"
        return (
            f"{self.postgres_fills} in Postgres, {self.journal_fills} in the journal, "
            f"frames {first} to {last}: {verdict}"
        )
