"""Answers that the gateway kept, for Azure AI Inference's clients."""

from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient
from azure.ai.inference.models import (
    ChatCompletionsNamedToolChoice,
    ChatCompletionsNamedToolChoiceFunction,
    ChatCompletionsToolDefinition,
    FunctionDefinition,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential

from checks import GATEWAY, WEATHER_TOOL, passed

KEY = AzureKeyCredential("any")
FUNCTION = FunctionDefinition(**WEATHER_TOOL["function"])
CALLING = dict(
    tools=[ChatCompletionsToolDefinition(function=FUNCTION)],
    tool_choice=ChatCompletionsNamedToolChoice(
        function=ChatCompletionsNamedToolChoiceFunction(name=FUNCTION.name)
    ),
)


def answered(call, **question):
    """What `call` gives, and what the cache did."""
    told = []

    def look(response):
        told.append(response.http_response.headers.get("x-tollgate-cache"))

    answer = call(raw_response_hook=look, **question)
    return told[-1], answer


def whole(client, question):
    """What a document says: its text, its calls, and why it ended."""
    told, answer = answered(client.complete, **question)
    (choice,) = answer.choices
    calls = choice.message.tool_calls or []
    calls = [(call.id, call.function.name, call.function.arguments) for call in calls]
    return told, choice.message.content or "", calls, str(choice.finish_reason)


def streamed(client, question):
    """The same of a stream."""
    told, chunks = answered(client.complete, stream=True, **question)
    text, calls, reason = "", [], None
    for chunk in chunks:
        for choice in chunk.choices or []:
            text += choice.delta.content or ""
            for part in choice.delta.tool_calls or []:
                if part.id:
                    calls.append((part.id, part.function.name, ""))
                call, name, arguments = calls[-1]
                calls[-1] = (call, name, arguments + (part.function.arguments or ""))
            reason = choice.finish_reason or reason
    return told, text, calls, str(reason)


def chat(name, endpoint, **model):
    """Each answer sent upstream once, in both forms."""
    client = ChatCompletionsClient(endpoint=endpoint, credential=KEY)
    read = {False: whole, True: streamed}
    for what, text, more in (
        ("text", "How far away is the moon?", {}),
        ("tools", "How is the weather in Oslo?", CALLING),
    ):
        for first_streams in (False, True):
            question = dict(
                messages=[UserMessage(text)], temperature=0, seed=int(first_streams), **more, **model
            )
            miss, *answer = read[first_streams](client, question)
            assert miss == "miss" and (answer[0] or answer[1]), (miss, answer)
            for streams in (first_streams, not first_streams):
                hit = read[streams](client, question)
                assert hit == ("hit", *answer), (hit, answer)
            passed(f"{name} {what}", kept_as_a_stream=first_streams, answer=answer)


def embeddings(name, endpoint, **model):
    """The same vectors."""
    client = EmbeddingsClient(endpoint=endpoint, credential=KEY)
    miss, first = answered(client.embed, input=["one", "two"], **model)
    hit, again = answered(client.embed, input=["one", "two"], **model)
    assert (miss, hit) == ("miss", "hit"), (miss, hit)
    assert again.as_dict() == first.as_dict(), (first, again)
    passed(f"{name} embeddings", length=len(again.data[0].embedding))


chat("deployment", f"{GATEWAY}/openai/deployments/gpt-4o")
chat("models", f"{GATEWAY}/models", model="gpt-4o")
embeddings("deployment", f"{GATEWAY}/openai/deployments/text-embedding-3-small")
embeddings("models", f"{GATEWAY}/models", model="text-embedding-3-small")
