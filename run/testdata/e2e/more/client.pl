use strict;
use LWP::UserAgent;

my $agent = LWP::UserAgent->new(timeout => 30);
for my $method ("GET", "DELETE") {
    my $request = HTTP::Request->new($method, "https://api.echo.test/v1/things/7", ["Authorization" => "Bearer $ENV{ECHO_TOKEN}"]);
    my $answer = $agent->request($request);
    print $answer->as_string, "\n";
}
