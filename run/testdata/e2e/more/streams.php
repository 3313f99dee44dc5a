<?php
foreach (["GET", "DELETE"] as $method) {
    $how = ["method" => $method, "header" => "Authorization: Bearer " . getenv("ECHO_TOKEN"), "ignore_errors" => true, "timeout" => 30];
    echo file_get_contents("https://api.echo.test/v1/things/7", false, stream_context_create(["http" => $how]));
    echo implode("\n", $http_response_header), "\n";
}
