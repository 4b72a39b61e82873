"""A model behind a server, against a server in this process."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from acteme.engine.language import Message, endpoint, language_model
from acteme.engine.language.endpoint import Endpoint
from acteme.errors import InputError


class Server:
    """Answers what `reply` says, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.reply = [], lambda path, body: (200, {"choices": [{"message": {"content": echo(body)}}]})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(None)

            def do_POST(self):
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, body):
                outer.asked.append((self.path, body, self.headers.get("Authorization")))
                code, said, *headers = outer.reply(self.path, body)
                data = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(code)
                for name, value in headers[0].items() if headers else ():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *words):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


def echo(body):
    return " " + body["messages"][-1]["content"].upper() + " END more"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(endpoint, "PAUSE", 0.001)
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def test_answers_come_in_the_order_of_the_prompts(server):
    model = Endpoint(server.url, "some-model")
    prompts = [f"prompt {i}" for i in range(20)]
    assert model.generate(prompts, stop=("END",)) == [p.upper() for p in prompts]
    assert model.generate([]) == []


def test_what_is_asked(server):
    talk = [Message("system", "be brief"), Message("user", "hello")]
    Endpoint(server.url + "/", "m", "secret").generate([talk], max_tokens=7, temperature=0.5, seed=3, stop=("\n",))
    ((path, body, key),) = server.asked
    assert path == "/v1/chat/completions" and key == "Bearer secret"
    said = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    assert body == {"model": "m", "messages": said, "max_tokens": 7, "temperature": 0.5, "seed": 3, "stop": ["\n"]}


def test_the_environment_names_server_and_key(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    usual = server.reply
    server.reply = lambda path, body: (200, {"data": [{"id": "served"}]}) if body is None else usual(path, body)
    model = language_model()
    assert model.name == "served" and model.generate(["a"], stop=[" END"]) == ["A"]
    assert [(path, key) for path, _, key in server.asked] == [("/v1/models", "Bearer k"),
                                                              ("/v1/chat/completions", "Bearer k")]  # fmt: skip


def test_a_busy_server_is_asked_again(server):
    usual, codes = server.reply, [429, 503]
    server.reply = lambda path, body: (codes.pop(), {}, {"Retry-After": "0"}) if codes else usual(path, body)
    assert Endpoint(server.url, "m").generate(["a"], stop=[" END"]) == ["A"]
    assert len(server.asked) == 3


def test_a_server_that_stays_busy(server):
    server.reply = lambda path, body: (429, {"error": {"message": "too many"}})
    with pytest.raises(InputError, match=r"answers with error 429 \(too many\)"):
        Endpoint(server.url, "m").generate(["a"])
    assert len(server.asked) == endpoint.TRIES


@pytest.mark.parametrize(
    ("code", "said", "line"),
    [
        (401, {"error": {"message": "bad key"}}, r"error 401 \(bad key\); set OPENAI_API_KEY"),
        (
            404,
            {"error": "no model\nof this name"},
            r"error 404 \(no model of this name\); check the address",
        ),
        (400, b"<html>", r"answers with error 400 \(Bad Request\)$"),
        (200, b"<html>", "does not answer with JSON; correct the address"),
        (200, {"choices": []}, "answers, but not with a completion"),
        (200, {"choices": [{"message": {"content": None}}]}, "answers, but not with a completion"),
    ],
)
def test_what_goes_wrong_is_one_line(server, code, said, line):
    server.reply = lambda path, body: (code, said)
    with pytest.raises(InputError, match=line) as caught:
        Endpoint(server.url, "m", "secret").generate(["a"])
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    assert len(server.asked) == 1, "asking again would not help"


def test_a_redirection_does_not_get_the_key(server):
    server.reply = lambda path, body: (302, {}, {"Location": server.url + "/elsewhere"})
    with pytest.raises(InputError, match="error 302"):
        Endpoint(server.url, "m", "secret").generate(["a"])
    assert len(server.asked) == 1


def test_no_server():
    with pytest.raises(InputError, match=r"http://127.0.0.1:9/v1: cannot be reached \(.*\); correct the address"):
        Endpoint("http://127.0.0.1:9/v1", "m").generate(["a"])
    for base in ("file:///etc/passwd", "localhost:8000", ""):
        with pytest.raises(InputError, match="is no web address"):
            Endpoint(base, "m")


def test_a_server_that_lists_no_models(server):
    server.reply = lambda path, body: (200, {"data": []})
    with pytest.raises(InputError, match="does not say which models it has; name the model"):
        Endpoint(server.url)
