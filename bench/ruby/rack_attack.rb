# frozen_string_literal: true

# Rack::Attack in front of a Rack application that does nothing, with five throttles in ActiveSupport's MemoryStore.
# For every line on the standard input it runs a round, and answers with the microseconds a request above the bare
# application. Usage: ruby rack_attack.rb CLIENTS LIMIT/PERIOD...

require "logger"
require "active_support"
require "active_support/cache"
require "active_support/notifications"
require "rack"
require "rack/attack"

clients = Array.new(Integer(ARGV.fetch(0))) { |n| "10.#{n >> 16}.#{n >> 8 & 255}.#{n & 255}" }
limits = ARGV.drop(1).map { |text| text.split("/").map { |number| Integer(number) } }

Rack::Attack.cache.store = ActiveSupport::Cache::MemoryStore.new(size: 1 << 30)
limits.each do |limit, period|
  Rack::Attack.throttle("per #{period}", limit: limit, period: period) { |request| request.ip }
end

bare = ->(_env) { [200, { "content-type" => "text/plain" }, ["hello\n"]] }
limited = Rack::Attack.new(bare)

def ask(app, clients)
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  clients.each do |client|
    status, = app.call({ "REQUEST_METHOD" => "GET", "PATH_INFO" => "/", "REMOTE_ADDR" => client, "rack.input" => nil })
    raise "not what was asked: #{status}" unless status == 200
  end
  (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) / clients.size * 1e6
end

$stdout.sync = true
$stdin.each_line { puts ask(limited, clients) - ask(bare, clients) }
