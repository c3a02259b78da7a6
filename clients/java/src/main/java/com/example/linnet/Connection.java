package com.example.linnet;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import static picocli.CommandLine.Help.Visibility.NEVER;

import java.io.File;
import java.io.IOException;
import picocli.CommandLine.Option;

/** How to reach the service: in plaintext, over TLS, with a certificate of one's own, with an API key. */
final class Connection {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  @Option(names = "--address", paramLabel = "HOST:PORT", description = "where the service listens")
  private String address = "localhost:50051";

  @Option(names = "--tls", description = "trust the authorities that Java comes with")
  private boolean tls;

  @Option(names = "--ca", paramLabel = "FILE", description = "trust this authority (PEM); implies --tls")
  private File ca;

  @Option(names = "--cert", paramLabel = "FILE", description = "the client's certificate (PEM), for mTLS")
  private File cert;

  @Option(names = "--key", paramLabel = "FILE", description = "the certificate's private key (PEM, PKCS #8)")
  private File key;

  @Option(names = "--api-key", defaultValue = "${env:LINNET_API_KEY}", showDefaultValue = NEVER)
  private String apiKey;

  ManagedChannel open() throws IOException {
    return Grpc.newChannelBuilder(address, credentials()).build();
  }

  private ChannelCredentials credentials() throws IOException {
    if (!tls && ca == null) return InsecureChannelCredentials.create();
    TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
    if (ca != null) builder.trustManager(ca);
    if (cert != null) builder.keyManager(cert, key);
    return builder.build();
  }

  /** Sends the API key, where there is one, with every call. It is a secret: use TLS beyond the local machine. */
  <T extends AbstractStub<T>> T authorize(T stub) {
    if (apiKey == null) return stub;
    Metadata metadata = new Metadata();
    metadata.put(AUTHORIZATION, "Bearer " + apiKey);
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }
}
