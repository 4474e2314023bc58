"""Both classes of `openai` meet a limit of three at once and one a second."""

import openai
from openai import AzureOpenAI, OpenAI

from checks import GATEWAY, passed

QUESTION = dict(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])


def clients(tenant, **options):
    """One of each class, for a tenant of its own, with the package's own retries by default."""
    return {
        "openai": OpenAI(
            base_url=f"{GATEWAY}/openai/v1/", api_key=f"{tenant} of OpenAI", **options
        ),
        "azure": AzureOpenAI(
            azure_endpoint=GATEWAY,
            api_version="2025-04-01-preview",
            api_key=f"{tenant} of AzureOpenAI",
            **options,
        ),
    }


def retries(name, client, stream):
    """More than may come at once, and the application sees nothing of it."""
    tries = []
    while sum(tries) == 0:
        assert len(tries) < 20, tries
        raw = client.chat.completions.with_raw_response.create(stream=stream, **QUESTION)
        answer = raw.parse()
        if stream:
            pieces = [chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices]
            assert "".join(pieces), pieces
        else:
            assert answer.choices[0].message.content, answer
        assert raw.headers["x-ratelimit-limit-requests"] == "60", raw.headers
        tries.append(raw.retries_taken)
    assert tries[-1] == 1, tries
    passed(f"{name} retries by itself", stream=stream, retries=tries)


def refused(name, client):
    """Without retries it is the package's own exception, with everything it offers."""
    for _ in range(20):
        try:
            client.chat.completions.create(**QUESTION)
        except openai.RateLimitError as error:
            assert error.status_code == 429, error
            assert error.code == "RateLimitReached", error
            assert error.body["message"].startswith("Your requests to gpt-4o "), error.body
            headers = error.response.headers
            assert 0 < int(headers["retry-after-ms"]) <= 1000, headers
            assert headers["x-ratelimit-remaining-requests"] == "0", headers
            passed(f"{name} without retries", message=error.message)
            return
    raise AssertionError("twenty requests at once were all admitted")


for stream in (False, True):
    for name, client in clients(f"stream {stream}").items():
        retries(name, client, stream)
for name, client in clients("none", max_retries=0).items():
    refused(name, client)
