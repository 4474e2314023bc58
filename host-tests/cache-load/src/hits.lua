-- wrk's request: the body in the file BODY, again and again; and what came of it, in one line.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.path = os.getenv("REQUEST_PATH")
wrk.headers["api-key"] = "one"
wrk.headers["authorization"] = "Bearer one"
wrk.headers["content-type"] = "application/json"
wrk.body = file:read("*a")
file:close()

done = function(summary, latency, requests)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, failures,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
