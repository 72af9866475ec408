-- The mix of part flat: one kind of request after the other, by shares. Arguments: key, path of a run, other path (a planted leak) and
-- how often it is asked of a hundred.
local requests, leak, leak_share, asked = {}, nil, 0, 0

local function shares(count, request)
   for _ = 1, count do requests[#requests + 1] = request end
end

function init(arguments)
   local key, run, path, share = arguments[1], arguments[2], arguments[3], tonumber(arguments[4])
   local auth = {["Authorization"] = "Bearer " .. key}
   local function with(name, value) return {["Authorization"] = auth["Authorization"], [name] = value} end
   local get = function(where, headers) return wrk.format("GET", where, headers or auth) end
   shares(30, get(run .. "/status"))
   shares(6, get("/api/v1/runs?limit=5"))
   shares(4, get("/api/v1/runs?limit=20", with("Accept-Encoding", "gzip")))
   shares(10, get("/api/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/status"))
   shares(5, get("/api/v1/nothing/there"))
   shares(5, get("/livez"))
   shares(5, get(run .. "/status", {["Authorization"] = "Bearer mlk_0000000000000000_unknown"}))
   shares(5, get(run .. "/status", {["X-Nothing"] = "no key"}))
   shares(5, get(run .. "/events", with("Accept", "text/event-stream")))
   shares(5, get(run, with("X-Request-Id", "flat-of-the-bench")))
   shares(5, wrk.format("POST", "/api/v1/runs", with("Content-Type", "application/json"), '{"pipeline":"no such pipeline"}'))
   shares(5, wrk.format("POST", "/api/v1/runs", with("Content-Type", "application/json"), '{"pipeline":'))
   shares(5, wrk.format("POST", "/api/v1/runs/validate", with("Content-Type", "application/json"), '{"config":{"asr":{"beam_size":99}}}'))
   shares(5, wrk.format("POST", "/api/v1/uploads", with("Content-Type", "audio/wav"), string.rep("this is no sound ", 200)))
   leak = path ~= "" and get(path) or nil
   leak_share = share
   for at = #requests, 2, -1 do -- mixed, the same way each time
      local other = math.random(at)
      requests[at], requests[other] = requests[other], requests[at]
   end
end

function request()
   asked = asked + 1
   if leak and asked % 100 < leak_share then return leak end
   return requests[asked % #requests + 1]
end
