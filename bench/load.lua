-- Ten thousand clients in turn, as a proxy on this machine would pass their requests on; written once, sent often.
local requests, last, following = {}, 10000, 0

function init()
  for n = 1, last do
    local client = string.format("10.0.%d.%d", math.floor(n / 250), n % 250)
    requests[n] = wrk.format("GET", "/", { ["Host"] = "localhost", ["X-Forwarded-For"] = client })
  end
end

function request()
  following = following % last + 1
  return requests[following]
end
