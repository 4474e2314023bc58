"""Answers that the gateway kept, for the AzureOpenAI class, which puts the deployment into the path."""

from openai import AzureOpenAI

import cached_suite
from checks import GATEWAY

client = AzureOpenAI(
    azure_endpoint=GATEWAY,
    api_key="any",
    api_version="2025-04-01-preview",
    max_retries=0,
)
cached_suite.run(client, "gpt-4o", "gpt-35-turbo-instruct", "text-embedding-3-small")
