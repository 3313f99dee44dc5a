require "net/http"

uri = URI("https://api.echo.test/v1/things/7")
Net::HTTP.start(uri.host, uri.port, use_ssl: true) do |http|
  [Net::HTTP::Get, Net::HTTP::Delete].each do |method|
    answer = http.request(method.new(uri, "Authorization" => "Bearer #{ENV["ECHO_TOKEN"]}"))
    puts answer.code, answer.each_header.to_a.inspect, answer.body
  end
end
