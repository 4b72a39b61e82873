"""Language models that a server runs which speaks the OpenAI interface (llama.cpp, vLLM, Ollama, hosted ones)."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from acteme.engine.language.model import Prompt, check, cut, messages
from acteme.errors import InputError

SECONDS = 300.0
"""How long an answer may take."""
TRIES = 4
"""How often a question is put to a server that is busy."""
PAUSE = 1.0
"""Seconds before the second try; twice as many before each further one, unless the server says how many."""
LONGEST_PAUSE = 60.0
AT_ONCE = 8
"""Questions that are out at the same time."""
LARGEST = 2**24
"""Bytes of an answer that are read."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it would carry the key elsewhere."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


class Endpoint:
    """A model behind POST {base}/chat/completions.

    Args:
        base: the address, with the path that the interface lies under, such as http://localhost:8000/v1.
        name: what the server calls the model; the first that it lists unless given.
        key: sent as bearer token, to this address alone.

    Raises:
        InputError: no web address, or the server does not say which models it has.
    """

    def __init__(self, base: str, name: str | None = None, key: str | None = None):
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("is no web address", f"endpoint '{base}'", "give one such as http://localhost:8000/v1")
        self.base, self._key = base.rstrip("/"), key
        self._opener = urllib.request.build_opener(_NoRedirect)
        self.name = name or self._first()

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """See `LanguageModel.generate`; several prompts are out at the same time."""
        check(max_tokens, temperature)
        asked = []
        for prompt in prompts:
            body = {"model": self.name, "messages": messages(prompt), "max_tokens": max_tokens}
            body |= {"temperature": temperature, "seed": seed} | ({"stop": list(stop)} if stop else {})
            asked.append(body)
        if not asked:
            return []
        with ThreadPoolExecutor(min(AT_ONCE, len(asked))) as pool:
            return [cut(text, stop) for text in pool.map(self._answer, asked)]

    def _answer(self, body: dict[str, Any]) -> str:
        found = self._call("chat/completions", body)
        try:
            text = found["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str):
            raise InputError(
                "answers, but not with a completion", self.base, "check that it speaks the OpenAI interface"
            )
        return text

    def _first(self) -> str:
        try:
            return str(self._call("models")["data"][0]["id"])
        except (KeyError, IndexError, TypeError):
            raise InputError("does not say which models it has", self.base, "name the model") from None

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """JSON of an answer; where the server is busy, after some tries."""
        for attempt in range(TRIES):
            try:
                with self._opener.open(self._request(path, body), timeout=SECONDS) as answer:
                    return json.loads(answer.read(LARGEST))
            except urllib.error.HTTPError as error:
                busy = error.code in (408, 409, 429) or error.code >= 500
                if not busy or attempt == TRIES - 1:
                    raise self._refused(error) from error
                time.sleep(_pause(attempt, error.headers.get("Retry-After")))
            except (OSError, ValueError) as error:
                reason = getattr(error, "reason", None) or error
                what = "does not answer with JSON" if isinstance(error, ValueError) else f"cannot be reached ({reason})"
                raise InputError(what, self.base, "correct the address, or start the server") from error
        raise AssertionError("the last try returns or raises")

    def _request(self, path: str, body: dict[str, Any] | None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        return urllib.request.Request(
            f"{self.base}/{path}", None if body is None else json.dumps(body).encode(), headers
        )

    def _refused(self, error: urllib.error.HTTPError) -> InputError:
        mends = {401: "set OPENAI_API_KEY", 403: "set OPENAI_API_KEY", 404: "check the address and the model's name"}
        mend = mends.get(error.code, "give the address that the server answers under" if error.code < 400 else None)
        return InputError(f"answers with error {error.code} ({_said(error)})", self.base, mend)


def _said(error: urllib.error.HTTPError) -> str:
    """What a server says is wrong."""
    try:
        said = json.loads(error.read(LARGEST))
        said = said.get("error", said)
        text = said.get("message", "") if isinstance(said, dict) else said
    except (OSError, ValueError, AttributeError):
        text = ""
    return str(text or error.reason)[:200]


def _pause(attempt: int, wanted: str | None) -> float:
    """Seconds to wait before the next try."""
    try:
        return min(max(float(wanted or ""), 0.0), LONGEST_PAUSE)
    except ValueError:
        return min(PAUSE * 2**attempt, LONGEST_PAUSE)
