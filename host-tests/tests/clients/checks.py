"""What the client scripts share: the gateway's address, and one line of JSON for each check."""

import json
import sys

GATEWAY = sys.argv[1]

#: Answered by the mock with these arguments' names, whatever the prompt is.
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Its name."}},
            "required": ["city"],
        },
    },
}


def passed(check, **seen):
    """Reports a check that held, with what was seen."""
    print(json.dumps({"check": check, **seen}), flush=True)


def is_usage(usage):
    """Usage adds up and is not empty."""
    assert usage.prompt_tokens > 0, usage
    assert usage.completion_tokens > 0, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    return usage.prompt_tokens
