"""The content-screener for the OpenAI class on Azure's v1 paths."""

from openai import OpenAI

import content_filter_suite
from checks import GATEWAY

client = OpenAI(base_url=f"{GATEWAY}/openai/v1/", api_key="any")
content_filter_suite.run(client, "gpt-4o")
