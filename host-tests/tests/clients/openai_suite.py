"""What must hold for any client of the `openai` package in front of the gateway."""

import json

import openai

from checks import WEATHER_TOOL, is_usage, passed

USER = {"role": "user", "content": "Hello"}


def run(client, model, embedding_model):
    """Everything, with a client that is set up for one of the wire's spellings."""
    whole = chat(client, model)
    chat_stream(client, model, whole)
    chat_stream_usage(client, model)
    tools(client, model)
    embeddings(client, embedding_model)
    responses(client, model)
    refusals(client, model)


def chat(client, model):
    """A chat completion, its prompt counted and its headers readable."""
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": "How far away is the moon?"}]
    )
    answer = raw.parse()
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    estimate = int(raw.headers["x-tollgate-prompt-tokens"])
    passed("chat", prompt_tokens=is_usage(answer.usage), estimate=estimate)
    return answer.choices[0].message.content


def chat_stream(client, model, whole):
    """The same answer in pieces."""
    pieces = []
    finish = None
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "How far away is the moon?"}],
        stream=True,
    ):
        assert chunk.object in ("chat.completion.chunk", ""), chunk
        assert chunk.usage is None, chunk
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    assert len(pieces) > 2, pieces
    assert "".join(pieces) == whole, (pieces, whole)
    assert finish == "stop", finish
    passed("chat stream", pieces=len(pieces))


def chat_stream_usage(client, model):
    """Usage at the end of a stream, because it was asked for."""
    last = None
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Why is the sky blue?"}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        last = chunk
    assert last is not None and last.choices == [], last
    passed("chat stream with usage", prompt_tokens=is_usage(last.usage))


def tools(client, model):
    """A tool call, its arguments JSON that fits the schema."""
    arguments = dict(
        model=model,
        messages=[{"role": "user", "content": "How is the weather in Oslo?"}],
        tools=[WEATHER_TOOL],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    answer = client.chat.completions.create(**arguments)
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "get_weather", call
    assert "city" in json.loads(call.function.arguments), call
    passed("tools", arguments=call.function.arguments, prompt_tokens=is_usage(answer.usage))

    streamed = ""
    for chunk in client.chat.completions.create(stream=True, **arguments):
        for choice in chunk.choices:
            for part in choice.delta.tool_calls or []:
                streamed += part.function.arguments or ""
    assert json.loads(streamed) == json.loads(call.function.arguments), streamed
    passed("tools stream", arguments=streamed)


def embeddings(client, model):
    """One vector for each input, of floats whatever the wire's encoding."""
    answer = client.embeddings.create(model=model, input=["one", "two"])
    assert [item.index for item in answer.data] == [0, 1]
    assert all(isinstance(x, float) for x in answer.data[0].embedding)
    assert answer.usage.prompt_tokens > 0
    passed("embeddings", length=len(answer.data[0].embedding))


def responses(client, model):
    """The Responses API, whole and as a stream of events."""
    answer = client.responses.create(model=model, input="How far away is the sun?")
    assert answer.object == "response" and answer.status == "completed", answer
    assert answer.output_text
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0
    passed("responses", input_tokens=answer.usage.input_tokens)

    text, last = "", None
    for event in client.responses.create(
        model=model, input="How far away is the sun?", stream=True
    ):
        last = event
        if event.type == "response.output_text.delta":
            text += event.delta
    assert text == answer.output_text, (text, answer.output_text)
    assert last.type == "response.completed", last
    passed("responses stream", input_tokens=last.response.usage.input_tokens)


def refusals(client, model):
    """Errors of the gateway and of the provider are exceptions of the right class."""
    try:
        client.chat.completions.create(model="no-such-deployment", messages=[USER])
        raise AssertionError("an unknown deployment answered")
    except openai.NotFoundError as error:
        assert error.code == "DeploymentNotFound", error
        passed("unknown deployment", code=error.code)
    try:
        client.chat.completions.create(model=model, messages="not a list")
        raise AssertionError("messages of the wrong type were accepted")
    except openai.BadRequestError as error:
        assert error.type == "invalid_request_error", error
        passed("messages of the wrong type", param=error.param)
