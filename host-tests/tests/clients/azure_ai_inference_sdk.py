"""Azure AI Inference's clients on a deployment's URL and on the /models path."""

import json

from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient
from azure.ai.inference.models import (
    ChatCompletionsNamedToolChoice,
    ChatCompletionsNamedToolChoiceFunction,
    ChatCompletionsToolDefinition,
    FunctionDefinition,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from checks import GATEWAY, WEATHER_TOOL, is_usage, passed

KEY = AzureKeyCredential("any")


def chat(name, endpoint, **model):
    """A completion, whole and in pieces."""
    client = ChatCompletionsClient(endpoint=endpoint, credential=KEY)
    question = dict(messages=[UserMessage("How far away is the moon?")], **model)
    answer = client.complete(**question)
    assert answer.choices[0].message.content
    passed(f"{name} chat", prompt_tokens=is_usage(answer.usage))

    pieces = [
        choice.delta.content or ""
        for chunk in client.complete(stream=True, **question)
        for choice in chunk.choices or []
    ]
    assert "".join(pieces) == answer.choices[0].message.content, pieces
    passed(f"{name} chat stream", pieces=len(pieces))

    function = FunctionDefinition(**WEATHER_TOOL["function"])
    tools = [ChatCompletionsToolDefinition(function=function)]
    name_it = ChatCompletionsNamedToolChoiceFunction(name=function.name)
    choice = ChatCompletionsNamedToolChoice(function=name_it)
    answer = client.complete(tools=tools, tool_choice=choice, **question)
    call = answer.choices[0].message.tool_calls[0]
    assert "city" in json.loads(call.function.arguments), call
    passed(f"{name} tools", arguments=call.function.arguments)


def embeddings(name, endpoint, **model):
    """A vector for each input."""
    client = EmbeddingsClient(endpoint=endpoint, credential=KEY)
    answer = client.embed(input=["one", "two"], **model)
    assert [item.index for item in answer.data] == [0, 1]
    passed(f"{name} embeddings", length=len(answer.data[0].embedding))


def refusal(endpoint):
    """An error is the package's own exception with the gateway's message."""
    client = ChatCompletionsClient(endpoint=endpoint, credential=KEY)
    try:
        client.complete({"messages": "not a list"})
        raise AssertionError("messages of the wrong type were accepted")
    except HttpResponseError as error:
        assert error.status_code == 400, error
        passed("messages of the wrong type", message=error.message)


DEPLOYMENT = f"{GATEWAY}/openai/deployments/gpt-4o"
chat("deployment", DEPLOYMENT)
chat("models", f"{GATEWAY}/models", model="gpt-4o")
embeddings("deployment", f"{GATEWAY}/openai/deployments/text-embedding-3-small")
embeddings("models", f"{GATEWAY}/models", model="text-embedding-3-small")
refusal(DEPLOYMENT)
