<?php
foreach (["GET", "DELETE"] as $method) {
    $ask = curl_init("https://api.echo.test/v1/things/7");
    curl_setopt_array($ask, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_HTTPHEADER => ["Authorization: Bearer " . getenv("ECHO_TOKEN")],
        CURLOPT_HEADER => true,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
    ]);
    echo curl_exec($ask), curl_error($ask), "\n";
}
