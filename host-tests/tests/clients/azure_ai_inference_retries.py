"""Azure AI Inference's client meets a limit of three at once and one a second."""

from azure.ai.inference import ChatCompletionsClient
from azure.ai.inference.models import UserMessage
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from checks import GATEWAY, passed


def client(tenant, **options):
    """For a tenant of its own."""
    return ChatCompletionsClient(
        endpoint=f"{GATEWAY}/openai/deployments/gpt-4o",
        credential=AzureKeyCredential(tenant),
        **options,
    )


def retries(stream):
    """More than may come at once, and the application sees nothing of it."""
    statuses = []

    def look(response):
        """Sees every try."""
        statuses.append(response.http_response.status_code)

    patient = client(f"stream {stream}")
    while 429 not in statuses:
        assert len(statuses) < 20, statuses
        answer = patient.complete(
            messages=[UserMessage("Hello")], stream=stream, raw_response_hook=look
        )
        if stream:
            pieces = [chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices]
            assert "".join(pieces), pieces
        else:
            assert answer.choices[0].message.content, answer
    assert statuses[-2:] == [429, 200], statuses
    passed("retries by itself", stream=stream, statuses=statuses)


def refused():
    """Without retries it is the package's own exception."""
    hasty = client("none", retry_total=0)
    for _ in range(20):
        try:
            hasty.complete(messages=[UserMessage("Hello")])
        except HttpResponseError as error:
            assert error.status_code == 429, error
            assert error.error.code == "RateLimitReached", error.error
            assert 0 < int(error.response.headers["retry-after-ms"]) <= 1000
            passed("without retries", message=error.message)
            return
    raise AssertionError("twenty requests at once were all admitted")


retries(False)
retries(True)
refused()
