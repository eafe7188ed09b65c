"""One unary call over HTTP/2, as a kubelet's grpc probe makes it."""
