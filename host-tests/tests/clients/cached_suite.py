"""What must hold for any client of the `openai` package where the gateway keeps answers.

Each check sends one request upstream: the answer is kept as it came, whole or as a stream, and then
given in both forms, which say the same.
"""

from openai.lib.streaming.chat import ChatCompletionStreamState

from checks import WEATHER_TOOL, passed

USAGE = {"include_usage": True}


def told(raw):
    """What the cache did."""
    return raw.headers.get("x-tollgate-cache")


def verdicts(answers):
    """What Azure's content filters said of prompt and answer, of parts or of all, in one."""
    prompt, found = [], {}
    for answer in answers:
        prompt += getattr(answer, "prompt_filter_results", None) or []
        for choice in answer.choices:
            found |= getattr(choice, "content_filter_results", None) or {}
    return prompt, found


def said(choice):
    """What of a choice may not depend on its form."""
    message = choice.message
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or []]
    return (
        choice.index,
        choice.finish_reason,
        message.role,
        message.content or "",
        message.refusal or "",
        calls,
    )


def tokens(usage):
    """A usage without its details."""
    return usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


def whole(raw):
    """What a document says: its choices, its content filters' verdicts, its usage."""
    answer = raw.parse()
    assert answer.object == "chat.completion", answer
    choices = sorted(said(choice) for choice in answer.choices)
    return choices, verdicts([answer]), tokens(answer.usage)


def streamed(raw):
    """What a stream says, as the package itself puts it together."""
    state, usage = ChatCompletionStreamState(), None
    chunks = list(raw.parse())
    for chunk in chunks:
        state.handle_chunk(chunk)
        usage = chunk.usage or usage
    answer = state.current_completion_snapshot
    choices = sorted(said(choice) for choice in answer.choices)
    return choices, verdicts(chunks), tokens(usage)


def chat(client, name, first_streams, **question):
    """A chat completion in all forms."""
    create = client.chat.completions.with_raw_response.create
    ask = {
        False: lambda: create(**question),
        True: lambda: create(stream=True, stream_options=USAGE, **question),
    }
    read = {False: whole, True: streamed}
    first = ask[first_streams]()
    assert told(first) == "miss", told(first)
    answer = read[first_streams](first)
    assert answer[0] and answer[2], answer
    for streams in (first_streams, not first_streams):
        hit = ask[streams]()
        assert told(hit) == "hit", told(hit)
        again = read[streams](hit)
        assert again == answer, (again, answer)
    # Who does not ask for the usage of a stream is not told it.
    raw = create(stream=True, **question)
    choices, found, usage = streamed(raw)
    assert (told(raw), choices, found, usage) == ("hit", *answer[:2], None), usage
    passed(f"{name} kept as a {'stream' if first_streams else 'document'}", choices=answer[0])
    return answer


def chats(client, model):
    """Everything that a chat completion can bring."""
    for first_streams in (False, True):
        ask = lambda name, text, **more: chat(
            client,
            name,
            first_streams,
            model=model,
            temperature=0,
            messages=[{"role": "user", "content": text}],
            seed=int(first_streams),
            **more,
        )
        _, (prompt, found), _ = ask("text", "How far away is the moon?")
        assert prompt[0]["content_filter_results"]["jailbreak"], prompt
        # Streams of the mock have no verdicts on what passes.
        assert first_streams or found["hate"]["severity"] == "safe", found
        choices, _, _ = ask("choices", "Why is the sky blue?", n=3)
        assert [choice[0] for choice in choices] == [0, 1, 2], choices
        choices, _, _ = ask(
            "tools",
            "How is the weather in Oslo?",
            tools=[WEATHER_TOOL],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
        )
        assert "city" in choices[0][5][0][2], choices
        choices, _, _ = ask("refusal", f"Refuse as a {'stream' if first_streams else 'document'}.")
        assert choices[0][3:5] == ("", "I will not."), choices


def completions(client, model):
    """The completions before chat."""
    create = client.completions.with_raw_response.create
    for first_streams in (False, True):
        question = dict(model=model, prompt="The sky is", temperature=0, seed=int(first_streams))

        def text(streams):
            raw = create(stream=streams, **question)
            answers = list(raw.parse()) if streams else [raw.parse()]
            choices = [choice for answer in answers for choice in answer.choices]
            return told(raw), "".join(choice.text for choice in choices), choices[-1].finish_reason

        miss, *answer = text(first_streams)
        assert miss == "miss" and answer[0], (miss, answer)
        for streams in (first_streams, not first_streams):
            assert text(streams) == ("hit", *answer), (text(streams), answer)
        passed("completion", kept_as_a_stream=first_streams, text=answer[0])


def responses(client, model):
    """The Responses API, whose streams end with the document."""
    create = client.responses.with_raw_response.create
    for first_streams in (False, True):
        question = dict(
            model=model,
            input=f"How far away is the sun? {first_streams}",
            temperature=0,
            store=False,
        )

        def answer(streams):
            raw = create(stream=streams, **question)
            if not streams:
                return told(raw), raw.parse()
            text, last = "", None
            for event in raw.parse():
                last = event
                if event.type == "response.output_text.delta":
                    text += event.delta
            assert last.type == "response.completed", last
            assert text == last.response.output_text, (text, last)
            return told(raw), last.response

        miss, first = answer(first_streams)
        assert miss == "miss" and first.output_text and first.usage.total_tokens, (miss, first)
        for streams in (first_streams, not first_streams):
            hit, again = answer(streams)
            assert hit == "hit" and again.to_dict() == first.to_dict(), (hit, again, first)
        passed("response", kept_as_a_stream=first_streams, text=first.output_text)


def embeddings(client, model):
    """Vectors, which the package asks for as base64."""
    create = client.embeddings.with_raw_response.create
    asked = [create(model=model, input=["one", "two"]) for _ in range(2)]
    assert [told(raw) for raw in asked] == ["miss", "hit"], asked
    first, again = (raw.parse() for raw in asked)
    assert again.to_dict() == first.to_dict(), (first, again)
    passed("embeddings", length=len(again.data[0].embedding))


def run(client, chat_model, completion_model, embedding_model):
    """Everything, with a client that is set up for one of the wire's spellings."""
    chats(client, chat_model)
    completions(client, completion_model)
    responses(client, chat_model)
    embeddings(client, embedding_model)
