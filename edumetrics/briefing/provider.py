"""One question to a language model, by Anthropic's Messages API or any that speaks OpenAI's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any

from pydantic import BaseModel, Field, ValidationError

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

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


@dataclass(frozen=True)
class _Protocol:
    """How a provider is asked.

    Attributes:
        library: the module of its client.
        client: the class of the client.
        create: where the client has the call.
        key: the field of the settings with its key.
        write: what the call is told of a question, beside the model.
        read: what the body of an answer says.
    """

    library: str
    client: str
    create: str
    key: str
    write: Callable[[str, str], dict[str, Any]]
    read: Callable[[str], ModelReply]


def make_asker(params: Briefing, settings: Settings) -> Ask:
    """Return a function that puts a question to the model in use; it raises `NoAnswer`.

    Raises:
        SettingsError: the key of the provider is not set, or the extra is not installed.
    """
    protocol = _PROTOCOLS[params.provider]
    try:
        library = import_module(protocol.library)
    except ImportError as error:
        raise SettingsError(
            "Briefings need the extra `briefing`: pip install 'edumetrics[briefing]'."
        ) from error
    key: str = getattr(settings, protocol.key)
    # A model on a machine of the college may need none.
    if not key and params.base_url is None:
        raise SettingsError(
            f"{protocol.key.upper()} is not set: the provider of briefing.yml asks for it."
        )
    client = getattr(library, protocol.client)(
        api_key=key or "none", base_url=params.base_url, max_retries=0,
        timeout=params.timeout_seconds,
    )  # fmt: skip
    create = attrgetter(protocol.create)(client)

    async def ask(prompt: str) -> ModelReply:
        question = protocol.write(params.prompt, prompt)
        body = await _call(create, library, model=params.model, max_tokens=MOST_TOKENS, **question)
        try:
            return protocol.read(body)
        except ValidationError as error:
            raise NoAnswer from error

    return ask


def _write_message(system: str, prompt: str) -> dict[str, Any]:
    return {"system": system, "messages": [{"role": "user", "content": prompt}]}


def _read_message(body: str) -> ModelReply:
    said = _Message.model_validate_json(body)
    text = "".join(block.text for block in said.content if block.type == "text")
    return ModelReply(text, said.usage.input_tokens + said.usage.output_tokens)


def _write_chat(system: str, prompt: str) -> dict[str, Any]:
    parts = ("system", system), ("user", prompt)
    return {"messages": [{"role": role, "content": text} for role, text in parts]}


def _read_chat(body: str) -> ModelReply:
    said = _Completion.model_validate_json(body)
    return ModelReply(said.choices[0].message.content, (said.usage or _Usage()).total_tokens)


_PROTOCOLS = {
    "anthropic": _Protocol("anthropic", "AsyncAnthropic", "messages.with_raw_response.create",
                           "anthropic_api_key", _write_message, _read_message),
    "openai": _Protocol("openai", "AsyncOpenAI", "chat.completions.with_raw_response.create",
                        "openai_api_key", _write_chat, _read_chat),
}  # fmt: skip


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
