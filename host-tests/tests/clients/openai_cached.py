"""Answers that the gateway kept, for the OpenAI class on Azure's v1 paths."""

from openai import OpenAI

import cached_suite
from checks import GATEWAY

client = OpenAI(base_url=f"{GATEWAY}/openai/v1/", api_key="any", max_retries=0)
cached_suite.run(client, "gpt-4o", "gpt-35-turbo-instruct", "text-embedding-3-small")
