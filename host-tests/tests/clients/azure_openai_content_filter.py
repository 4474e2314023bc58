"""The content-screener for the AzureOpenAI class, which puts the deployment into the path."""

from openai import AzureOpenAI

import content_filter_suite
from checks import GATEWAY

client = AzureOpenAI(
    azure_endpoint=GATEWAY, api_key="any", api_version="2025-04-01-preview"
)
content_filter_suite.run(client, "gpt-4o")
