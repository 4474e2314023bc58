-- wrk's request: a small chat completion, streamed when STREAM is set.
local stream = os.getenv("STREAM") and ',"stream":true' or ""
wrk.method = "POST"
wrk.path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
wrk.headers["api-key"] = "k"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"messages":[{"role":"user","content":"How many words does a short question have?"}]' .. stream .. "}"
