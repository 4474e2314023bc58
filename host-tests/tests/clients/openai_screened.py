"""`openai` reads answers that the content-screener rewrites: unmasked ones, and stopped ones."""

from openai import AzureOpenAI, OpenAI

from checks import GATEWAY, is_usage, passed

PROMPT = "Write to ann@example.com, and then to ann@example.com again."
ANSWER = "Dear [EMAIL_1], this is for [EMAIL_1] only; [EMAIL_2] is somebody else."
UNMASKED = "Dear ann@example.com, this is for ann@example.com only; [EMAIL_2] is somebody else."
HARMFUL = "As far as I was told there was nothing in it until project bluebird began in May."


def dictated(answer):
    """Has the mock say this."""
    return {"x-mock-answer": answer}


def question(answer, **more):
    """A question that is answered so."""
    return dict(
        model="gpt-4o",
        messages=[{"role": "user", "content": PROMPT}],
        extra_headers=dictated(answer),
        **more,
    )


def stream(client, answer):
    """The pieces of a streamed answer, why it ended, and its usage."""
    pieces, reasons, usage = [], [], None
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(
        **question(answer, stream=True, stream_options=options)
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            reasons += [choice.finish_reason] if choice.finish_reason else []
    return pieces, reasons, usage


def chat(name, client):
    """Chat completions, whole and in pieces."""
    answer = client.chat.completions.create(**question(ANSWER))
    assert answer.choices[0].message.content == UNMASKED, answer
    assert is_usage(answer.usage)
    passed(f"{name} chat is unmasked")

    pieces, reasons, usage = stream(client, ANSWER)
    assert "".join(pieces) == UNMASKED, pieces
    assert reasons == ["stop"] and is_usage(usage), (reasons, usage)
    passed(f"{name} chat stream is unmasked", pieces=len(pieces))

    answer = client.chat.completions.create(**question(HARMFUL))
    assert answer.choices[0].finish_reason == "content_filter", answer
    assert answer.choices[0].message.content == "", answer
    results = answer.choices[0].content_filter_results
    assert results["custom_blocklists"]["filtered"], results
    assert is_usage(answer.usage)
    passed(f"{name} chat is stopped")

    pieces, reasons, _ = stream(client, HARMFUL)
    assert reasons == ["content_filter"], reasons
    said = "".join(pieces)
    assert said and HARMFUL.startswith(said) and "project" not in said, pieces
    passed(f"{name} chat stream is stopped", said=said)


def responses(name, client):
    """The Responses API, whole and in pieces."""

    def ask(answer, **more):
        return client.responses.create(
            model="gpt-4o", input=PROMPT, extra_headers=dictated(answer), **more
        )

    assert ask(ANSWER).output_text == UNMASKED
    passed(f"{name} response is unmasked")

    pieces = []
    for event in ask(ANSWER, stream=True):
        if event.type == "response.output_text.delta":
            pieces.append(event.delta)
        elif event.type == "response.output_text.done":
            assert event.text == UNMASKED, event
    assert "".join(pieces) == UNMASKED, pieces
    assert event.type == "response.completed", event
    assert event.response.output_text == UNMASKED, event
    passed(f"{name} response stream is unmasked", pieces=len(pieces))

    answer = ask(HARMFUL)
    assert answer.status == "incomplete" and answer.output_text == "", answer
    assert answer.incomplete_details.reason == "content_filter", answer
    passed(f"{name} response is stopped")

    *_, event = ask(HARMFUL, stream=True)
    assert event.type == "response.incomplete", event
    assert event.response.incomplete_details.reason == "content_filter", event
    passed(f"{name} response stream is stopped")


for which, made in {
    "openai": OpenAI(base_url=f"{GATEWAY}/openai/v1/", api_key="any", max_retries=0),
    "azure": AzureOpenAI(
        azure_endpoint=GATEWAY, api_version="2025-04-01-preview", api_key="any", max_retries=0
    ),
}.items():
    chat(which, made)
    responses(which, made)
