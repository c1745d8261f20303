"""What the official client sees: prints one line for each thing that was tried."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=1)


def say(name, value):
    print(name, json.dumps(value))


def asked(model, text, **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


say("models", sorted(model.id for model in client.models.list()))

answer = asked("uzel/desk", "My invoice is wrong")
say("app", [answer.object, answer.choices[0].message.content, answer.choices[0].finish_reason, answer.model])
say("usage", answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0)

raw = client.chat.completions.with_raw_response.create(
    model="uzel/desk", messages=[{"role": "system", "content": "be kind"}, {"role": "user", "content": "Hello"}]
)
say("run id", len(raw.headers["x-run-id"]) > 5 and raw.parse().id.endswith(raw.headers["x-run-id"]))

say("stopped", asked("uzel/desk", "").choices[0].message.content)

chunks = list(asked("uzel/desk", "My invoice is wrong", stream=True, stream_options={"include_usage": True}))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
say("app streamed", [text, chunks[-2].choices[0].finish_reason, chunks[-1].usage.total_tokens > 0])

say("model", asked("fast", "Say hello").choices[0].message.role)
chunks = list(asked("fast", "What is 2 + 3?", stream=True))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
say("model streamed", [len(text) > 0, chunks[-1].choices[0].finish_reason])

shape = {"type": "object", "properties": {"topic": {"enum": ["billing", "other"]}}, "required": ["topic"]}
form = {"type": "json_schema", "json_schema": {"name": "topic", "schema": shape}}
say("format", sorted(json.loads(asked("fast", "My invoice is wrong", response_format=form).choices[0].message.content)))

for name, call in [
    ("unknown", lambda: asked("uzel/dusk", "Hello")),
    ("format of no kind", lambda: asked("fast", "Hello", response_format={"type": "xml"})),
    ("inputs", lambda: asked("uzel/pair", "Hello")),
    ("person", lambda: asked("uzel/asks", "Hello")),
    ("person streamed", lambda: list(asked("uzel/asks", "Hello", stream=True))),
    ("broken", lambda: asked("broken", "Hello")),
]:
    try:
        call()
        say(name, "no error")
    except openai.APIError as error:
        status = getattr(error, "status_code", None)
        said = [type(error).__name__, status, error.code, error.param, error.message.split(";")[0][:90]]
        # How often a broken endpoint was tried before decides what is said of it.
        say(name, said[:2] if name == "broken" else said)
