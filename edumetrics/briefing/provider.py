"""One question to a language model, by Anthropic's Messages API or any that speaks OpenAI's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edumetrics.errors import SettingsError
from edumetrics.params.briefing import Briefing
from edumetrics.settings import Settings

# Far more than the longest paragraph needs.
MOST_TOKENS = 1000


@dataclass(frozen=True)
class ModelReply:
    """What a model wrote, and how many tokens the question and the answer took."""

    text: str
    tokens: int


Reply = TypeVar("Reply", bound=BaseModel)
Ask = Callable[[str], Awaitable[ModelReply]]


class NoAnswer(Exception):
    """A model gave no answer that can be read.

    Attributes:
        wait: how many seconds the provider asks to wait; None where it does not say.
        final: whether asking again would give the same.
    """

    def __init__(self, wait: float | None = None, *, final: bool = False) -> None:
        super().__init__("no answer")
        self.wait, self.final = wait, final


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0


class _Message(BaseModel):
    """An answer of Anthropic's Messages API."""

    content: list[_Block]
    usage: _Usage = _Usage()


class _ChatMessage(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _ChatMessage


class _Completion(BaseModel):
    """An answer of OpenAI's chat completions."""

    choices: list[_Choice]
    usage: _Usage | None = None


def make_asker(params: Briefing, settings: Settings) -> Ask:
    """Return a function that puts a question to the model in use; it raises `NoAnswer`.

    Raises:
        SettingsError: the key of the provider is not set, or the extra is not installed.
    """
    try:
        return _MAKERS[params.provider](params, settings)
    except ImportError as error:
        raise SettingsError(
            "Briefings need the extra `briefing`: pip install 'edumetrics[briefing]'."
        ) from error


def _make_anthropic(params: Briefing, settings: Settings) -> Ask:
    import anthropic

    client = anthropic.AsyncAnthropic(
        api_key=_require_key(settings.anthropic_api_key, "ANTHROPIC_API_KEY", params),
        base_url=params.base_url, max_retries=0, timeout=params.timeout_seconds,
    )  # fmt: skip

    async def ask(prompt: str) -> ModelReply:
        raw = await _call(
            client.messages.with_raw_response.create, anthropic, model=params.model,
            max_tokens=MOST_TOKENS, system=params.prompt,
            messages=[{"role": "user", "content": prompt}],
        )  # fmt: skip
        said = _validate(_Message, raw)
        text = "".join(block.text for block in said.content if block.type == "text")
        return ModelReply(text, said.usage.input_tokens + said.usage.output_tokens)

    return ask


def _make_openai(params: Briefing, settings: Settings) -> Ask:
    import openai

    client = openai.AsyncOpenAI(
        api_key=_require_key(settings.openai_api_key, "OPENAI_API_KEY", params),
        base_url=params.base_url, max_retries=0, timeout=params.timeout_seconds,
    )  # fmt: skip

    async def ask(prompt: str) -> ModelReply:
        raw = await _call(
            client.chat.completions.with_raw_response.create, openai, model=params.model,
            max_tokens=MOST_TOKENS,
            messages=[{"role": "system", "content": params.prompt},
                      {"role": "user", "content": prompt}],
        )  # fmt: skip
        said = _validate(_Completion, raw)
        if not said.choices:
            raise NoAnswer
        return ModelReply(said.choices[0].message.content, (said.usage or _Usage()).total_tokens)

    return ask


_MAKERS = {"anthropic": _make_anthropic, "openai": _make_openai}


def _require_key(key: str, name: str, params: Briefing) -> str:
    """Return the key of a provider; a model on a machine of the college may need none."""
    if not key and params.base_url is None:
        raise SettingsError(f"{name} is not set: the provider of briefing.yml asks for it.")
    return key or "none"


async def _call(create: Callable[..., Awaitable[Any]], client: Any, **question: Any) -> str:
    """Return the body of an answer.

    Raises:
        NoAnswer: there is none; the text of the provider's error is shown nowhere.
    """
    try:
        raw = await create(**question)
        return str(raw.http_response.text)
    except client.APIStatusError as error:
        waits = error.response.headers.get("retry-after", "")
        wait = float(waits) if waits.isascii() and waits.isdigit() else None
        # A question that is refused as such is refused again.
        final = error.status_code < 500 and error.status_code not in (408, 409, 429)
        raise NoAnswer(wait, final=final) from error
    except client.APIError as error:
        raise NoAnswer from error


def _validate(kind: type[Reply], body: str) -> Reply:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise NoAnswer from error
