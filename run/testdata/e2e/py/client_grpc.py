import os

import grpc

metadata = [("authorization", "Bearer " + os.environ["ECHO_TOKEN"])]
with grpc.secure_channel("api.echo.test:443", grpc.ssl_channel_credentials()) as channel:
    say = channel.unary_unary("/echo.Echo/Say")
    answer, call = say.with_call(b"ping", metadata=metadata, timeout=30)
    print("unary", answer.decode(), call.code(), call.trailing_metadata())
    count = channel.unary_stream("/echo.Echo/Count")(b"tick", metadata=metadata, timeout=30)
    for answer in count:
        print("stream", answer.decode())
    print("stream ended", count.code(), count.trailing_metadata())
    try:
        channel.unary_unary("/echo.Admin/Drop")(b"all", metadata=metadata, timeout=30)
        print("Drop went through")
    except grpc.RpcError as refused:
        print("denied", refused.code(), refused.details())
