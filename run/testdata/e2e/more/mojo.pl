use strict;
use Mojo::UserAgent;

my $agent = Mojo::UserAgent->new;
for my $method ("get", "delete") {
    my $answer = $agent->$method("https://api.echo.test/v1/things/7", {Authorization => "Bearer $ENV{ECHO_TOKEN}"})->result;
    print $answer->to_string, "\n";
}
