"""The OpenAI class on Azure's v1 paths, where the body names the deployment."""

from openai import OpenAI

import openai_suite
from checks import GATEWAY

client = OpenAI(base_url=f"{GATEWAY}/openai/v1/", api_key="any", max_retries=0)
openai_suite.run(client, "gpt-4o", "text-embedding-3-small")
