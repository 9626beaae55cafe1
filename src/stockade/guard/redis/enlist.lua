local time = redis.call('TIME')
enlist(KEYS[1], ARGV[1], tonumber(ARGV[2]), time[1] * 1000000 + time[2])
