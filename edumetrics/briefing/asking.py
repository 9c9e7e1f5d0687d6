"""Ask a model what has no answer yet, within a budget of time and tokens, and keep what it said."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from edumetrics.analysis.store import Store
from edumetrics.briefing.check import NO_ANSWER, SHOWN, Unfit, Verdict, read_answer
from edumetrics.briefing.facts import BriefingRecord
from edumetrics.briefing.kept import Answered, store_verdict
from edumetrics.briefing.prompt import write_prompt
from edumetrics.briefing.provider import Ask, ModelReply, NoAnswer
from edumetrics.params.briefing import Briefing

# After so many questions in a row without an answer, the provider is down.
DOWN = 3


@dataclass
class Asking:
    """One run's questions to a model.

    Attributes:
        ask: puts a question to the model.
        params: the forms, the budget and the patience.
        store: where verdicts are kept; None keeps nothing.
        verdicts: how many answers were shown, and how many refused, by why.
        tokens: how many were spent.
        in_vain: how many questions in a row got no answer.
    """

    ask: Ask
    params: Briefing
    store: Store | None = None
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    tokens: int = 0
    in_vain: int = 0

    def ask_all(self, wanted: Mapping[str, BriefingRecord]) -> None:
        """Ask about some records, by fingerprint; what is not answered in time is left out."""
        asking = self._ask_all(wanted)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(asking)
            return
        # In JupyterLab this thread has a loop already: a thread of its own waits for the answers.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, asking).result()

    async def _ask_all(self, wanted: Mapping[str, BriefingRecord]) -> None:
        at_once = asyncio.Semaphore(self.params.at_once)
        try:
            async with asyncio.timeout(self.params.budget_seconds):
                questions = (self._ask_one(at_once, *one) for one in wanted.items())
                await asyncio.gather(*questions)
        except TimeoutError:
            # What has come is kept; a mail does not wait for the rest.
            return

    async def _ask_one(
        self, at_once: asyncio.Semaphore, question: str, record: BriefingRecord
    ) -> None:
        async with at_once:
            if self.in_vain >= DOWN or self.tokens >= self.params.budget_tokens:
                return
            reply = await self._ask_patiently(write_prompt(record, self.params))
        verdict: Verdict = NO_ANSWER
        sentences: Answered = None
        if reply is not None:
            try:
                sentences, verdict = read_answer(reply.text, record, self.params), SHOWN
            except Unfit as unfit:
                verdict = unfit.verdict
        self.in_vain = 0 if reply else self.in_vain + 1
        self.verdicts[verdict] += 1
        tokens = reply.tokens if reply else 0
        self.tokens += tokens
        if self.store is not None:
            store_verdict(self.store, question, record.about, self.params.model, verdict,
                          sentences, tokens)  # fmt: skip

    async def _ask_patiently(self, prompt: str) -> ModelReply | None:
        """Return the answer to a question, asked again while the trouble may pass; None without."""
        for attempt in range(self.params.retries + 1):
            try:
                # The client's own limit is for each read: a trickle would go on for ever.
                async with asyncio.timeout(self.params.timeout_seconds):
                    return await self.ask(prompt)
            except TimeoutError:
                pass
            except NoAnswer as none:
                wait = 2.0**attempt if none.wait is None else none.wait
                # Whoever asks for more patience than an answer may take is not waited for.
                if none.final or wait > self.params.timeout_seconds:
                    return None
                if attempt < self.params.retries:
                    await asyncio.sleep(wait)
        return None
