-- Posts the body in BODY with a contract number of its own each time; the session's token is in TOKEN (may be empty).
local threads = 0
function setup(thread) threads = threads + 1; thread:set("id", threads) end
local count, body, token, run = 0, os.getenv("BODY"), os.getenv("TOKEN"), os.getenv("RUN")
function request()
  count = count + 1
  local headers = { ["Content-Type"] = "application/json" }
  if token ~= "" then headers["Authorization"] = "Bearer " .. token end
  local text = body:gsub("NUMBER", "L-" .. run .. "-" .. id .. "-" .. count)
  return wrk.format("POST", nil, headers, text)
end
